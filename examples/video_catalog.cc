// SPDX-License-Identifier: Apache-2.0
// The job of video_catalog.py in C++: a catalog of videos and photographs whose columns compute themselves.
// usage: video_catalog PHOTOGRAPH... VIDEO.mp4...   (the last video is inserted on its own)
#include <intarsia/intarsia.h>

#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

using namespace intarsia;

namespace {

struct Media {
  std::vector<std::string> videos;
  std::vector<std::string> photos;
};

Media read_arguments(int argc, char** argv) {
  Media media;
  for (int i = 1; i < argc; ++i) {
    const std::string path = argv[i];
    (path.ends_with(".mp4") ? media.videos : media.photos).push_back(path);
  }
  if (media.videos.size() < 2 || media.photos.empty())
    throw std::invalid_argument("usage: video_catalog PHOTOGRAPH... VIDEO.mp4... (two videos or more)");
  return media;
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

/// What an editor says of a frame.
std::string verdict(double brightness, double sharpness) {
  if (brightness < 60) return "dark";
  return sharpness < 20 ? "soft" : "good";
}

struct Catalog {
  Table videos;
  Table frames;
  Table photos;
};

Catalog create_catalog(Database& db) {
  const std::string verdict_udf = udf("verdict", {"brightness", "sharpness"}, verdict);
  db.drop_directory("cc_catalog", true, IfNotExists::kIgnore);
  db.create_directory("cc_catalog");
  const Table videos = db.create_table("cc_catalog/videos", {{"video", TypeKind::kVideo}, {"about", TypeKind::kJson}});
  const Expr every_half_second = Expr::call("video.frame_iterator", {videos["video"]}, {{"fps", 2.0}});
  Table frames = db.create_view("cc_catalog/frames", videos, every_half_second);
  const Expr frame = frames["frame"];
  frames.add_computed_column({"thumbnail", {}, frame.call_method("resize", {Value(Json{"[160, 90]"})})});
  frames.add_computed_column({"brightness", {}, frame.call_method("brightness")});
  frames.add_computed_column({"sharpness", {}, frame.call_method("sharpness")});
  frames.add_computed_column({"verdict", {}, call(verdict_udf, {frames["brightness"], frames["sharpness"]})});
  Table photos =
      db.create_table("cc_catalog/photos", {{"photo", Type(TypeKind::kImage, true)}, {"name", TypeKind::kString}});
  photos.add_computed_column({"sharpness", {}, photos["photo"].call_method("sharpness")});
  return {videos, frames, photos};
}

Batch video_rows(std::span<const std::string> paths) {
  ColumnBuilder video{TypeKind::kVideo};
  ColumnBuilder about{TypeKind::kJson};
  for (const std::string& path : paths) {
    video.append_text(path);
    about.append_text(R"({"title": ")" + file_name(path) + R"(", "tags": ["sample"]})");
  }
  return Batch({"video", "about"}, {video.finish(), about.finish()});
}

Batch photo_rows(std::span<const std::string> paths) {
  ColumnBuilder photo{TypeKind::kImage};
  ColumnBuilder name{TypeKind::kString};
  for (const std::string& path : paths) {
    photo.append_text(path);
    name.append_text(file_name(path));
  }
  return Batch({"photo", "name"}, {photo.finish(), name.finish()});
}

void print(const ResultSet& result) {
  for (const std::string& name : result.names()) std::cout << std::setw(22) << name;
  std::cout << '\n';
  for (std::int64_t row = 0; row < result.num_rows(); ++row) {
    for (int column = 0; column < static_cast<int>(result.names().size()); ++column)
      std::cout << std::setw(22) << result.value(row, column).text().substr(0, 20);
    std::cout << '\n';
  }
}

void show_sharpest(const Table& frames, const std::string& title) {
  const Expr about = frames["about"];
  std::cout << "\nThe sharpest frames of " << title << " (a filter over JSON):\n";
  print(frames.query()
            .where(about["title"] == Expr(Value(title)) && about["tags"][0] == "sample")
            .order_by({frames["sharpness"]}, false)
            .limit(4)
            .select({{"frame", frames["pos"]},
                     {"brightness", frames["brightness"]},
                     {"sharpness", frames["sharpness"]},
                     {"verdict", frames["verdict"]}})
            .collect());
}

void insert_one_more(Catalog& catalog, const std::string& path) {
  const std::int64_t before = catalog.frames.query().count();
  const UpdateStatus status = catalog.videos.insert(video_rows({&path, 1}));
  std::cout << "\nOne more video: " << before << " frames were there, " << status.cascade.inserted << " came, "
            << status.cascade.computed_values << " cells were computed\n";
}

void insert_broken(Catalog& catalog, const std::string& whole) {
  const auto half = (std::filesystem::temp_directory_path() / "intarsia_half.jpg").string();
  std::string bytes(300, '\0');
  std::ifstream(whole, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  std::ofstream(half, std::ios::binary) << bytes;
  catalog.photos.insert(photo_rows({&half, 1}), {OnError::kIgnore});
  std::filesystem::remove(half);
  const Expr photo = catalog.photos["photo"];
  const ResultSet errors = catalog.photos.query()
                               .where(!photo.errortype().is_null())
                               .select({{"name", catalog.photos["name"]}, {"error", photo.errormsg()}})
                               .collect();
  for (std::int64_t row = 0; row < errors.num_rows(); ++row)
    std::cout << "\nA broken file: " << errors.value(row, 0).text() << ": " << errors.value(row, 1).text() << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const Media media = read_arguments(argc, argv);
  Database db = Database::open();
  Catalog catalog = create_catalog(db);
  const std::span<const std::string> videos(media.videos);
  catalog.videos.insert(video_rows(videos.first(videos.size() - 1)));
  catalog.photos.insert(photo_rows(media.photos));
  std::cout << catalog.frames.query().count() << " frames of " << catalog.videos.query().count() << " videos, "
            << catalog.photos.query().count() << " photographs\n";
  show_sharpest(catalog.frames, file_name(media.videos.front()));
  insert_one_more(catalog, media.videos.back());
  insert_broken(catalog, media.photos.front());
} catch (const std::exception& error) {
  std::cerr << "video_catalog: " << error.what() << '\n';
  return 1;
}
