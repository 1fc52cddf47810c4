// SPDX-License-Identifier: Apache-2.0
#include "backup/bundle.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "intarsia/error.h"
#include "storage/durable_files.h"

namespace intarsia {

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kPiece = 1 << 20;
constexpr const char* kChecksum = "checksum.json";

// Fields of a tar header: place and length.
struct Field {
  std::size_t at;
  std::size_t length;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kSize{124, 12}, kTime{136, 12}, kSum{148, 8}, kMagic{257, 8};
constexpr std::size_t kTypeAt = 156;
constexpr unsigned char kLargeSize = 0x80;  // the size is a binary number, for files from 8 GB on

using Header = std::array<char, kBlock>;

void put(Header& header, Field field, std::string_view text) {
  std::copy_n(text.data(), std::min(text.size(), field.length), header.begin() + static_cast<std::ptrdiff_t>(field.at));
}

unsigned sum_of(Header header) {
  std::fill_n(header.begin() + kSum.at, kSum.length, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  return sum;
}

Header header_of(const std::string& name, std::int64_t size) {
  Header header{};
  put(header, kName, name);
  put(header, kMode, "0000600");
  put(header, kTime, fmt::format("{:011o}", std::time(nullptr)));
  if (size < (std::int64_t{1} << 33)) {
    put(header, kSize, fmt::format("{:011o}", size));
  } else {
    header[kSize.at] = static_cast<char>(kLargeSize);
    for (std::size_t i = 0; i < 8; ++i)
      header[kSize.at + kSize.length - 1 - i] = static_cast<char>(static_cast<std::uint64_t>(size) >> (8 * i));
  }
  header[kTypeAt] = '0';
  put(header, kMagic, std::string_view("ustar\00000", 8));
  put(header, kSum, fmt::format("{:06o}", sum_of(header)) + std::string("\0 ", 2));
  return header;
}

std::int64_t size_in(const Header& header) {
  if (static_cast<unsigned char>(header[kSize.at]) != kLargeSize)
    return std::strtoll(std::string(header.data() + kSize.at, kSize.length).c_str(), nullptr, 8);
  std::int64_t size = 0;
  for (std::size_t i = 4; i < kSize.length; ++i) size = size << 8 | static_cast<unsigned char>(header[kSize.at + i]);
  return size;
}

std::int64_t padding_of(std::int64_t size) {
  constexpr auto kSigned = static_cast<std::int64_t>(kBlock);
  return (kSigned - size % kSigned) % kSigned;
}

std::string checksum_text(const XXH3_state_t* state, std::int64_t bytes) {
  const nlohmann::json content = {{"bytes", bytes}, {"xxh3", fmt::format("{:016x}", XXH3_64bits_digest(state))}};
  return content.dump() + "\n";
}

}  // namespace

struct BundleWriter::Checksum {
  Checksum() { XXH3_64bits_reset(&state); }
  XXH3_state_t state;
};

BundleWriter::BundleWriter(std::filesystem::path path)
    : path_(std::move(path)), draft_(path_.string() + ".part"), checksum_(std::make_unique<Checksum>()) {
  if (std::filesystem::exists(path_))
    throw Error(
        ErrorCode::kPathAlreadyExists,
        fmt::format("backup to '{}': the file is there already; give another name, or remove it", path_.string()));
  const int file = open(draft_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file >= 0) file_ = fdopen(file, "wb");
  if (file_ == nullptr)
    throw Error(
        ErrorCode::kStoreUnavailable,
        fmt::format("backup to '{}': cannot write '{}': {}{}", path_.string(), draft_.string(), std::strerror(errno),
                    errno == EEXIST ? "; another backup writes it, or one died: remove it" : ""));
}

BundleWriter::~BundleWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::error_code ignored;
  std::filesystem::remove(draft_, ignored);
}

void BundleWriter::write(std::string_view bytes) {
  XXH3_64bits_update(&checksum_->state, bytes.data(), bytes.size());
  bytes_ += static_cast<std::int64_t>(bytes.size());
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size()) return;
  throw Error(ErrorCode::kStoreUnavailable,
              fmt::format("backup to '{}': {} after {} bytes; free some space there, or write to another disk",
                          path_.string(), std::strerror(errno), bytes_));
}

void BundleWriter::begin_entry(const std::string& name, std::int64_t size) {
  if (name.size() > kName.length)
    throw Error(ErrorCode::kInternal, fmt::format("backup: the name '{}' is too long for a bundle", name));
  const Header header = header_of(name, size);
  write({header.data(), header.size()});
}

void BundleWriter::end_entry(std::int64_t size) {
  write(std::string(static_cast<std::size_t>(padding_of(size)), '\0'));
}

void BundleWriter::add(const std::string& name, std::string_view content) {
  begin_entry(name, static_cast<std::int64_t>(content.size()));
  write(content);
  end_entry(static_cast<std::int64_t>(content.size()));
}

bool BundleWriter::add_file(const std::string& name, const std::filesystem::path& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> source(std::fopen(file.c_str(), "rbe"), std::fclose);
  if (source == nullptr && errno == ENOENT) return false;
  std::error_code failure;
  const auto size = source == nullptr ? 0 : static_cast<std::int64_t>(std::filesystem::file_size(file, failure));
  if (source == nullptr || failure)
    throw Error(ErrorCode::kStoreUnavailable,
                fmt::format("backup to '{}': cannot read '{}': {}", path_.string(), file.string(),
                            failure ? failure.message() : std::strerror(errno)));
  begin_entry(name, size);
  std::vector<char> piece(kPiece);
  std::int64_t left = size;
  while (left > 0) {
    const std::size_t wanted = std::min<std::size_t>(piece.size(), static_cast<std::size_t>(left));
    const std::size_t count = std::fread(piece.data(), 1, wanted, source.get());
    if (count == 0)
      throw Error(ErrorCode::kStoreUnavailable,
                  fmt::format("backup to '{}': '{}' got shorter while it was read", path_.string(), file.string()));
    write({piece.data(), count});
    left -= static_cast<std::int64_t>(count);
  }
  end_entry(size);
  return true;
}

std::int64_t BundleWriter::finish() {
  add(kChecksum, checksum_text(&checksum_->state, bytes_));
  write(std::string(2 * kBlock, '\0'));
  const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
  if (!closed) {
    const std::string why = std::strerror(errno);
    std::filesystem::remove(draft_);
    throw Error(ErrorCode::kStoreUnavailable, fmt::format("backup to '{}': {}", path_.string(), why));
  }
  write_through(draft_);
  std::filesystem::rename(draft_, path_);
  write_through(path_.parent_path());
  return bytes_;
}

BundleReader::BundleReader(std::filesystem::path path)
    : path_(std::move(path)), file_(std::fopen(path_.c_str(), "rbe")) {
  if (file_ == nullptr)
    throw Error(ErrorCode::kPathNotFound, fmt::format("restore from '{}': {}", path_.string(), std::strerror(errno)));
}

BundleReader::~BundleReader() {
  std::fclose(file_);
}

void BundleReader::fail(const std::string& what) const {
  throw Error(ErrorCode::kInvalidDataFormat,
              fmt::format("restore from '{}': {}; nothing was restored. Get the bundle once more from where it was "
                          "written, or take an older one",
                          path_.string(), what));
}

void BundleReader::verify() {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  std::int64_t bytes = 0;
  std::vector<char> piece(kPiece);
  std::rewind(file_);
  for (;;) {
    const std::int64_t begin = ftello(file_);
    const std::optional<Entry> entry = next();
    if (!entry) fail("it has no checksum, so it is not whole");
    if (begin == 0 && entry->name != "manifest.json") fail("it is no bundle of `intarsia backup`");
    if (entry->name == kChecksum) {
      if (content() != checksum_text(&state, bytes)) fail("its checksum is not that of what was written");
      break;
    }
    const std::int64_t end = ftello(file_) + left_ + padding_;
    fseeko(file_, begin, SEEK_SET);
    for (std::int64_t left = end - begin; left > 0;) {
      const std::size_t count =
          std::fread(piece.data(), 1, std::min<std::size_t>(piece.size(), static_cast<std::size_t>(left)), file_);
      if (count == 0) fail(fmt::format("it ends after {} bytes, within '{}'", bytes, entry->name));
      XXH3_64bits_update(&state, piece.data(), count);
      bytes += static_cast<std::int64_t>(count);
      left -= static_cast<std::int64_t>(count);
    }
    left_ = padding_ = 0;
  }
  std::rewind(file_);
  left_ = padding_ = 0;
}

std::optional<BundleReader::Entry> BundleReader::next() {
  fseeko(file_, left_ + padding_, SEEK_CUR);
  left_ = padding_ = 0;
  Header header{};
  if (std::fread(header.data(), 1, header.size(), file_) != header.size() || header[0] == '\0') return std::nullopt;
  const std::string sum(header.data() + kSum.at, kSum.length);
  if (std::strtoul(sum.c_str(), nullptr, 8) != sum_of(header)) fail("it is no bundle of `intarsia backup`, or damaged");
  Entry entry{std::string(header.data(), strnlen(header.data(), kName.length)), size_in(header)};
  left_ = entry.size;
  padding_ = padding_of(entry.size);
  return entry;
}

std::string BundleReader::content() {
  std::string text;
  each_piece([&](std::string_view piece) { text += piece; });
  return text;
}

void BundleReader::each_piece(const std::function<void(std::string_view)>& take) {
  std::vector<char> piece(kPiece);
  while (left_ > 0) {
    const std::size_t count =
        std::fread(piece.data(), 1, std::min<std::size_t>(piece.size(), static_cast<std::size_t>(left_)), file_);
    if (count == 0) fail("it is cut off");
    left_ -= static_cast<std::int64_t>(count);
    take({piece.data(), count});
  }
}

}  // namespace intarsia
