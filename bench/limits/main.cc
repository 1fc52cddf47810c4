// SPDX-License-Identifier: Apache-2.0
// What the libraries under the engine can do alone, on this machine: one line of JSON per figure, named as in the
// workloads where the work is the same. Only the embedded server is started by the engine's code.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "media.h"
#include "rows.h"
#include "server/server.h"

namespace {

namespace fs = std::filesystem;

struct Options {
  std::string home;
  std::int64_t rows = 100'000;
  std::vector<std::string> images;
  std::int64_t image_count = 1000;
  std::string video;
};

/// The images in turn until there are `count`.
std::vector<std::string> repeated(const std::vector<std::string>& images, std::int64_t count) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) result.push_back(images[i % images.size()]);
  return result;
}

void measure_all(const Options& options) {
  using namespace intarsia;
  const Config config = Config::load({{"home", options.home}});
  const fs::path folder = fs::path(options.home) / "limits";
  if (options.rows > 0) limits::measure_rows(ensure_server(config), options.rows);
  fs::create_directories(folder);
  limits::measure_disk(folder);
  if (!options.images.empty()) limits::measure_images(repeated(options.images, options.image_count), folder);
  if (!options.video.empty()) limits::measure_video(options.video, folder);
  fs::remove_all(folder);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"What PostgreSQL, libav and the image libraries do alone on this machine", "intarsia-limits"};
  app.add_option("--home", options.home, "home of the embedded server (default: a temporary one)");
  app.add_option("--rows", options.rows, "rows to copy in; 0: leave the rows out")->capture_default_str();
  app.add_option("--images", options.images, "JPEG and PNG files; without any, images are left out");
  app.add_option("--image-count", options.image_count, "images to decode, the files in turn")->capture_default_str();
  app.add_option("--video", options.video, "a video file; without it, video is left out");
  CLI11_PARSE(app, argc, argv);
  const bool temporary = options.home.empty();
  if (temporary) options.home = fs::temp_directory_path() / ("intarsia-limits-" + std::to_string(getpid()));
  int status = 0;
  try {
    measure_all(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "intarsia-limits: %s\n", e.what());
    status = 1;
  }
  if (temporary) {
    intarsia::stop_server(intarsia::Config::load({{"home", options.home}}));
    fs::remove_all(options.home);
  }
  return status;
}
