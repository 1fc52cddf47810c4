// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "media/video.h"

namespace intarsia {

/// What libintarsia_av.so offers. It is a library of its own because loading libav takes 20-65 ms; it is loaded when
/// first used, and links nothing of libintarsia: what it needs from there comes as VideoHost.
class VideoLibrary {
 public:
  virtual ~VideoLibrary() = default;
  virtual std::unique_ptr<FrameReader> open_frames(const std::string& path, const FrameSampling& sampling,
                                                   FrameContent content) const = 0;
  virtual std::unique_ptr<FrameDecoder> open_frame_decoder(const std::string& path) const = 0;
  virtual VideoInfo probe_video(const std::string& path) const = 0;
  virtual AudioInfo probe_audio(const std::string& path) const = 0;
  virtual void validate_video(const std::string& path) const = 0;
  virtual void validate_audio(const std::string& path) const = 0;
};

struct VideoHost {
  Image (*make_image)(PixelMode mode, int width, int height);
};

/// Grows with every change of the classes above, so that a library left over from another build is refused.
constexpr int kVideoLibraryVersion = 1;
constexpr const char* kVideoLibraryEntry = "intarsia_video_library";
/// The one exported symbol. Null when `version` is another.
using VideoLibraryEntry = const VideoLibrary* (*)(int version, const VideoHost* host);

}  // namespace intarsia
