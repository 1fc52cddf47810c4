// SPDX-License-Identifier: Apache-2.0
#include "media/libav_media.h"

extern "C" {
#include <libavutil/log.h>
}

namespace intarsia::libav {
namespace {

class LibavLibrary : public VideoLibrary {
 public:
  explicit LibavLibrary(const VideoHost& host) : host_(host) {}

  std::unique_ptr<FrameReader> open_frames(const std::string& path, const FrameSampling& sampling,
                                           FrameContent content) const override {
    return open_frame_reader(path, sampling, content, host_);
  }
  std::unique_ptr<FrameDecoder> open_frame_decoder(const std::string& path) const override {
    return libav::open_frame_decoder(path, host_);
  }
  VideoInfo probe_video(const std::string& path) const override { return libav::probe_video(path); }
  AudioInfo probe_audio(const std::string& path) const override { return libav::probe_audio(path); }
  void validate_video(const std::string& path) const override { libav::validate_video(path); }
  void validate_audio(const std::string& path) const override { libav::validate_audio(path); }

 private:
  VideoHost host_;
};

}  // namespace
}  // namespace intarsia::libav

/// Named by kVideoLibraryEntry.
extern "C" __attribute__((visibility("default"))) const intarsia::VideoLibrary* intarsia_video_library(
    int version, const intarsia::VideoHost* host) {
  if (version != intarsia::kVideoLibraryVersion) return nullptr;
  // What libav has to say reaches the user as an Error, not on his terminal.
  av_log_set_level(AV_LOG_QUIET);
  static const intarsia::libav::LibavLibrary library(*host);
  return &library;
}
