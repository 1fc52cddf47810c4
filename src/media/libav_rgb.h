// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "media/libav_handles.h"
#include "media/video_api.h"

namespace intarsia::libav {

/// Converts decoded frames to RGB images of the same size, with the colour matrix and range that the frame declares
/// (BT.601, limited range, where it declares none). Pixels are not rotated.
class RgbConverter {
 public:
  explicit RgbConverter(const VideoHost& host) : host_(host) {}
  [[nodiscard]] Image convert(const AVFrame& frame);

 private:
  void configure(const AVFrame& frame);
  void scale(const AVFrame& frame, std::uint8_t* rows, int stride);

  const VideoHost& host_;
  Handle<SwsContext> scaler_;
  FramePtr padded_;  // rows as wide as the SIMD code may write
  int width_ = 0, height_ = 0, format_ = AV_PIX_FMT_NONE;
  int colorspace_ = 0, range_ = 0;
  int fields_ = 1;
};

}  // namespace intarsia::libav
