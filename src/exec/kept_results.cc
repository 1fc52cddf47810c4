// SPDX-License-Identifier: Apache-2.0
#include "exec/kept_results.h"

#include <fmt/format.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <unordered_map>

#include "exec/progress_meter.h"
#include "exec/row_set.h"
#include "exec/stored_cells.h"
#include "intarsia/error.h"
#include "intarsia/stream_kernel.h"
#include "media/codecs.h"
#include "media/load.h"
#include "storage/function_stats.h"
#include "storage/wire.h"
#include "telemetry/reported_call.h"

namespace intarsia {

namespace {

constexpr double kWorthKeeping = 50e-6;  // seconds of a call; a look-up and a result kept take about a fifth
constexpr double kSecondsAtOnce = 0.02;  // calls between two times that results are kept
constexpr std::int64_t kMostAtOnce = 8192;
constexpr int kSavesBetweenChecks = 64;

enum class Form : char { kNull, kPayload, kImage, kMedia };

std::string fingerprint_of(const Function& function) {
  return function.name + " " + function.fingerprint;
}

void append_image(const Image& image, std::string& out) {
  out += fmt::format("{} {}x{} ", mode_name(image.mode()), image.width(), image.height());
  if (image.byte_size() > 0) out.append(reinterpret_cast<const char*>(image.row(0)), image.byte_size());
  out.append(image.palette().begin(), image.palette().end());
  out.append(image.palette_alpha().begin(), image.palette_alpha().end());
}

/// A medium by what it is, and not by what it holds where that would have to be read: a local file by its path, size
/// and time of change, another URL by its text.
void append_medium(const Column& cells, std::int64_t row, std::string& out) {
  if (!cells.holds_media(row)) {
    const std::string url(cells.text_at(row));
    out += url;
    struct stat file {};
    if (is_local_url(url) && stat(path_of_local_url(url).c_str(), &file) == 0)
      out += fmt::format(" {} {}.{}", file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
  } else if (cells.type().kind() == TypeKind::kImage) {
    append_image(cells.image_at(row), out);
  } else {
    out += cells.media_bytes_at(row);
  }
}

/// A hash of the arguments of one call.
std::string key_of(const std::vector<Column>& args, std::int64_t row) {
  std::string text;
  for (const Column& arg : args) {
    const std::size_t begin = text.size();
    text.append(sizeof(std::uint64_t), '\0');
    if (arg.is_null(row))
      text += 'n';
    else if (arg.type().is_media())
      append_medium(arg, row, text);
    else
      wire::append_payload(arg, row, text);
    const std::uint64_t length = text.size() - begin;  // so that no two lists of arguments run together
    std::copy_n(reinterpret_cast<const char*>(&length), sizeof(length),
                text.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  std::string key(reinterpret_cast<const char*>(&hash), sizeof(hash));
  return key;
}

/// An image that PNG holds as it is.
bool fits_png(const Image& image) {
  const PixelMode mode = image.mode();
  return mode == PixelMode::kBilevel || mode == PixelMode::kL || mode == PixelMode::kLA || mode == PixelMode::kP ||
         mode == PixelMode::kRGB || mode == PixelMode::kRGBA || mode == PixelMode::kI16;
}

bool can_be_kept(const Column& results, std::int64_t row) {
  if (results.error_at(row) != nullptr) return false;
  const bool is_image = results.type().kind() == TypeKind::kImage && !results.is_null(row) && results.holds_media(row);
  return !is_image || fits_png(results.image_at(row));
}

std::string serialized(const Column& results, std::int64_t row) {
  std::string value(1, static_cast<char>(Form::kNull));
  if (results.is_null(row)) return value;
  if (!results.type().is_media() || !results.holds_media(row)) {
    value[0] = static_cast<char>(Form::kPayload);
    wire::append_payload(results, row, value);
    return value;
  }
  const bool is_image = results.type().kind() == TypeKind::kImage;
  value[0] = static_cast<char>(is_image ? Form::kImage : Form::kMedia);
  return value + (is_image ? encode_image(results.image_at(row), "png") : results.media_bytes_at(row));
}

void append_value(std::string_view value, ColumnBuilder& out) {
  switch (static_cast<Form>(value.at(0))) {
    case Form::kNull:
      return out.append_null();
    case Form::kPayload:
      return wire::read_field(value.substr(1), out);
    case Form::kImage:
      return out.append_image(decode_image(value.substr(1)));
    case Form::kMedia:
      return out.append_media_bytes(std::string(value.substr(1)));
  }
}

Column bytes_column(const std::vector<std::string>& cells) {
  ColumnBuilder out{Type(TypeKind::kBinary)};
  for (const std::string& cell : cells) out.append_text(cell);
  return out.finish();
}

std::unordered_map<std::string, std::string> look_up(Connection& connection, const std::string& fingerprint,
                                                     const std::vector<std::string>& keys) {
  SqlParameters parameters;
  parameters.add(std::string_view(fingerprint)).add_array(bytes_column(keys));
  const SqlRows rows = connection.query(
      "select arguments_hash, value from results where fingerprint = $1 and arguments_hash = any($2) and n = 0",
      parameters);
  std::unordered_map<std::string, std::string> found;
  for (int row = 0; row < rows.size(); ++row) found.emplace(rows.bytes(row, 0), rows.bytes(row, 1));
  return found;
}

std::vector<std::string> taken(const std::vector<std::string>& keys, std::span<const std::int64_t> rows) {
  std::vector<std::string> some;
  for (const std::int64_t row : rows) some.push_back(keys[static_cast<std::size_t>(row)]);
  return some;
}

std::vector<Column> taken(const std::vector<Column>& args, const std::vector<std::int64_t>& rows) {
  std::vector<Column> some;
  for (const Column& arg : args) some.push_back(arg.take(rows));
  return some;
}

}  // namespace

bool KeptResults::keeps(const Function& function) {
  return !function.cheap && function.deterministic && !function.fingerprint.empty();
}

double KeptResults::cost(const std::string& fingerprint) const {
  const std::lock_guard lock(mutex_);
  const auto known = costs_.find(fingerprint);
  return known == costs_.end() ? -1 : known->second;
}

Column KeptResults::call(const Function& function, const Type& type, const std::vector<Column>& args, std::int64_t rows,
                         const Run& run) {
  std::vector<Column> parts;
  std::int64_t step = 0;
  for (std::int64_t begin = 0; begin < rows; begin += step) {
    const double seconds = cost(fingerprint_of(function));
    const double wanted = seconds < 0 ? 1 : kSecondsAtOnce / std::max(seconds, 1e-9);
    const std::int64_t group = function.rows_at_once;
    step = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::min(wanted, 1e6)), 1, kMostAtOnce);
    if (StreamKernel::of(function.kernel) != nullptr) step = kMostAtOnce;  // keeps its results on the way
    step = std::min((step + group - 1) / group * group, rows - begin);
    std::vector<Column> slices;
    for (const Column& arg : args) slices.push_back(arg.slice(begin, step));
    parts.push_back(piece(function, type, slices, step, run));
    ProgressMeter::advance_within(begin + step);
  }
  return parts.size() == 1 ? parts[0] : Column::concat(parts);
}

Column KeptResults::timed(const Function& function, const std::vector<Column>& args, std::int64_t rows,
                          const Run& run) {
  const auto begin = std::chrono::steady_clock::now();
  Column results = run(args, rows);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / static_cast<double>(rows);
  const std::lock_guard lock(mutex_);
  costs_[fingerprint_of(function)] = seconds;
  return results;
}

Column KeptResults::piece(const Function& function, const Type& type, const std::vector<Column>& args,
                          std::int64_t rows, const Run& run) {
  const double expected = cost(fingerprint_of(function));
  const StreamKernel* const stream = StreamKernel::of(function.kernel);
  if (expected >= 0 && expected < kWorthKeeping && stream == nullptr) {
    Column results = timed(function, args, rows, run);
    if (cost(fingerprint_of(function)) < kWorthKeeping) return results;
    std::vector<std::string> keys;
    for (std::int64_t row = 0; row < rows; ++row) keys.push_back(key_of(args, row));
    save(fingerprint_of(function), keys, results);
    return results;
  }
  std::vector<std::string> keys;
  for (std::int64_t row = 0; row < rows; ++row) keys.push_back(key_of(args, row));
  const auto kept = look_up(*pool_.take(), fingerprint_of(function), keys);
  std::vector<std::int64_t> missing;
  std::vector<std::string> missing_keys;
  for (std::int64_t row = 0; row < rows; ++row) {
    if (kept.contains(keys[static_cast<std::size_t>(row)])) continue;
    missing.push_back(row);
    missing_keys.push_back(keys[static_cast<std::size_t>(row)]);
  }
  std::optional<Column> made;
  const auto begin = std::chrono::steady_clock::now();
  std::int64_t done = 0;
  const auto save_some = [&](std::span<const std::int64_t> some, const Column& results) {
    done += results.length();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    {
      const std::lock_guard lock(mutex_);
      costs_[fingerprint_of(function)] = seconds / static_cast<double>(done);
    }
    save(fingerprint_of(function), taken(missing_keys, some), results);
    ProgressMeter::advance_within(done);
  };
  const auto run_stream = [&](const std::vector<Column>& some, std::int64_t count) {
    ReportedCall call(function.name, count);
    Column results = stream->run(some, count, type, save_some);
    if (results.has_errors()) call.failed(count_errors(results));
    return results;
  };
  if (!missing.empty()) {
    const auto count = static_cast<std::int64_t>(missing.size());
    made = timed(function, taken(args, missing), count, stream == nullptr ? run : Run(run_stream));
    if (stream == nullptr && cost(fingerprint_of(function)) >= kWorthKeeping)
      save(fingerprint_of(function), missing_keys, *made);
  }
  if (kept.empty()) return *made;
  function_counters(function.name).cache_hits += rows - static_cast<std::int64_t>(missing.size());
  ColumnBuilder out(type);
  std::int64_t next = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto found = kept.find(keys[static_cast<std::size_t>(row)]);
    if (found == kept.end())
      out.append_cell(*made, next++);
    else
      append_value(found->second, out);
  }
  return out.finish();
}

void KeptResults::save(const std::string& fingerprint, const std::vector<std::string>& keys, const Column& results) {
  std::vector<std::string> good, values;
  for (std::int64_t row = 0; row < results.length(); ++row) {
    if (!can_be_kept(results, row)) continue;
    good.push_back(keys[static_cast<std::size_t>(row)]);
    values.push_back(serialized(results, row));
  }
  if (good.empty()) return;
  SqlParameters parameters;
  parameters.add(std::string_view(fingerprint))
      .add_array(bytes_column(good))
      .add_array(bytes_column(values))
      .add(cost(fingerprint));
  const Pool::Lease connection = pool_.take();
  connection->query(
      "insert into results (fingerprint, arguments_hash, n, value, cost) "
      "select $1, u.key, 0, u.value, $4 from unnest($2::bytea[], $3::bytea[]) as u(key, value) on conflict do nothing",
      parameters);
  if (function_stats_are_due()) add_function_stats(*connection);
  {
    const std::lock_guard lock(mutex_);
    if (saves_++ % kSavesBetweenChecks != 0) return;
  }
  keep_to_limit();
}

std::int64_t KeptResults::size() {
  return pool_.take()->query("select coalesce(sum(pg_column_size(value)), 0)::bigint from results").int_at(0, 0);
}

void KeptResults::keep_to_limit() {
  const std::int64_t bytes = size();
  if (bytes <= limit_) return;
  SqlParameters surplus;
  surplus.add(bytes - limit_ * 9 / 10);
  pool_.take()->query(
      "delete from results r using (select fingerprint, arguments_hash, n, sum(pg_column_size(value)) over (order by "
      "at, fingerprint, arguments_hash) as before from results) o where o.before <= $1 and r.fingerprint = "
      "o.fingerprint and r.arguments_hash = o.arguments_hash and r.n = o.n",
      surplus);
}

std::vector<KeptResultsInfo> KeptResults::list() {
  const SqlRows rows = pool_.take()->query(
      "select split_part(fingerprint, ' ', 1), count(*), sum(pg_column_size(value))::bigint, "
      "(sum(cost) * 1000)::bigint from results group by 1 order by 1");
  std::vector<KeptResultsInfo> infos;
  for (int row = 0; row < rows.size(); ++row)
    infos.push_back({rows.text_at(row, 0), rows.int_at(row, 1), rows.int_at(row, 2),
                     static_cast<double>(rows.int_at(row, 3)) / 1000});
  return infos;
}

std::int64_t KeptResults::clear(const std::string& function) {
  SqlParameters name;
  name.add(std::string_view(function));
  return pool_.take()
      ->query("delete from results where $1 = '' or split_part(fingerprint, ' ', 1) = $1", name)
      .affected();
}

}  // namespace intarsia
