// SPDX-License-Identifier: Apache-2.0
// Does one large piece of work by the C++ API and prints this process's peak memory as a line of JSON.
// usage: intarsia-memory rows N | frames VIDEO      (in the instance of INTARSIA_HOME)
#include <intarsia/intarsia.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

using namespace intarsia;

namespace {

/// VmHWM of /proc/self/status: the most memory that was ever resident, in bytes.
std::int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::int64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  throw std::runtime_error("/proc/self/status has no VmHWM");
}

Batch make_rows(std::int64_t first, std::int64_t n) {
  ColumnBuilder id{TypeKind::kInt};
  ColumnBuilder s{TypeKind::kString};
  ColumnBuilder f{TypeKind::kFloat};
  ColumnBuilder j{TypeKind::kJson};
  for (std::int64_t i = first; i < first + n; ++i) {
    id.append_int(i);
    s.append_text("row " + std::to_string(i));
    f.append_float(static_cast<double>(i) * 0.5);
    j.append_text(R"({"a": )" + std::to_string(i) + R"(, "b": [1, 2, 3]})");
  }
  return Batch({"id", "s", "f", "j"}, {id.finish(), s.finish(), f.finish(), j.finish()});
}

/// Returns the number of rows that the table has afterwards.
std::int64_t insert_rows(Database& db, std::int64_t total) {
  Table table = db.create_table(
      "memory_rows",
      {{"id", TypeKind::kInt}, {"s", TypeKind::kString}, {"f", TypeKind::kFloat}, {"j", TypeKind::kJson}});
  constexpr std::int64_t kBatch = 10'000;
  std::int64_t done = 0;
  table.insert([&]() -> std::optional<Batch> {
    if (done == total) return std::nullopt;
    const std::int64_t n = std::min(kBatch, total - done);
    done += n;
    return make_rows(done - n, n);
  });
  return table.query().count();
}

/// Returns the number of thumbnails.
std::int64_t store_thumbnails(Database& db, const std::string& path) {
  Table videos = db.create_table("memory_videos", {{"video", TypeKind::kVideo}});
  ColumnBuilder video{TypeKind::kVideo};
  video.append_text(path);
  videos.insert(Batch({"video"}, {video.finish()}));
  Table frames = db.create_view("memory_frames", videos, Expr::call("video.frame_iterator", {videos["video"]}));
  const Expr thumbnail = frames["frame"].call_method("resize", {Value(Json{"[128, 72]"})});
  return frames.add_computed_column({"thumbnail", {}, thumbnail}).table.computed_values;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string job = argc == 3 ? argv[1] : "";
  if (job != "rows" && job != "frames") throw std::invalid_argument("usage: intarsia-memory rows N | frames VIDEO");
  Database db = Database::open();
  const std::int64_t before = peak_memory();
  const std::int64_t n = job == "rows" ? insert_rows(db, std::stoll(argv[2])) : store_thumbnails(db, argv[2]);
  std::cout << R"({"job": ")" << job << R"(", "n": )" << n << R"(, "before_bytes": )" << before << R"(, "peak_bytes": )"
            << peak_memory() << "}\n";
} catch (const std::exception& e) {
  std::cerr << "intarsia-memory: " << e.what() << '\n';
  return 1;
}
