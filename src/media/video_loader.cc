// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <filesystem>

#include "intarsia/error.h"
#include "media/video.h"
#include "media/video_api.h"

namespace intarsia {
namespace {

constexpr const char* kFileName = "libintarsia_av.so";

Image make_image(PixelMode mode, int width, int height) {
  return Image(mode, width, height);
}

constexpr VideoHost kHost{&make_image};

/// Beside the file that this code was loaded from.
std::filesystem::path library_path() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&kHost), &info) == 0 || info.dli_fname == nullptr) return kFileName;
  std::error_code ignored;
  const auto self = std::filesystem::canonical(info.dli_fname, ignored);
  return self.empty() ? std::filesystem::path(kFileName) : self.parent_path() / kFileName;
}

[[noreturn]] void fail_to_load(const std::string& reason) {
  throw Error(ErrorCode::kUnsupportedOperation,
              "video and audio need libav, which this installation was built without: install libavformat, libavcodec "
              "and libswscale (Debian: libavformat-dev libavcodec-dev libswscale-dev), then build Intarsia again",
              reason);
}

const VideoLibrary& load_library() {
  const auto path = library_path();
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) fail_to_load(dlerror());
  const auto entry = reinterpret_cast<VideoLibraryEntry>(dlsym(handle, kVideoLibraryEntry));
  const VideoLibrary* library = entry == nullptr ? nullptr : entry(kVideoLibraryVersion, &kHost);
  if (library == nullptr) fail_to_load(path.string() + " belongs to another version of Intarsia");
  return *library;
}

const VideoLibrary& video_library() {
  static const VideoLibrary& library = load_library();
  return library;
}

}  // namespace

std::unique_ptr<FrameReader> open_frames(const std::string& path, const FrameSampling& sampling, FrameContent content) {
  return video_library().open_frames(path, sampling, content);
}

std::unique_ptr<FrameDecoder> open_frame_decoder(const std::string& path) {
  return video_library().open_frame_decoder(path);
}

VideoInfo probe_video(const std::string& path) {
  return video_library().probe_video(path);
}

AudioInfo probe_audio(const std::string& path) {
  return video_library().probe_audio(path);
}

void validate_video(const std::string& path) {
  video_library().validate_video(path);
}

void validate_audio(const std::string& path) {
  video_library().validate_audio(path);
}

}  // namespace intarsia
