// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "media/video_api.h"

namespace intarsia::libav {

[[nodiscard]] std::unique_ptr<FrameReader> open_frame_reader(const std::string& path, const FrameSampling& sampling,
                                                             FrameContent content, const VideoHost& host);
[[nodiscard]] std::unique_ptr<FrameDecoder> open_frame_decoder(const std::string& path, const VideoHost& host);
[[nodiscard]] VideoInfo probe_video(const std::string& path);
[[nodiscard]] AudioInfo probe_audio(const std::string& path);
void validate_video(const std::string& path);
void validate_audio(const std::string& path);

}  // namespace intarsia::libav
