// SPDX-License-Identifier: Apache-2.0
#include "media/libav_rgb.h"

#include <cstring>

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace intarsia::libav {
namespace {

constexpr int kBlock = 32;  // pixels that the widest converter writes at once

/// The "J" formats are the ordinary ones in full range.
AVPixelFormat without_range(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
      return AV_PIX_FMT_YUV411P;
    default:
      return format;
  }
}

}  // namespace

void RgbConverter::configure(const AVFrame& frame) {
  if (scaler_ && width_ == frame.width && height_ == frame.height && format_ == frame.format &&
      colorspace_ == frame.colorspace && range_ == frame.color_range) {
    return;
  }
  width_ = frame.width, height_ = frame.height, format_ = frame.format;
  colorspace_ = frame.colorspace, range_ = frame.color_range;
  const auto declared = static_cast<AVPixelFormat>(format_);
  const AVPixelFormat format = without_range(declared);
  scaler_.reset(sws_getContext(width_, height_, format, width_, height_, AV_PIX_FMT_RGB24, SWS_BILINEAR, nullptr,
                               nullptr, nullptr));
  if (!scaler_) {
    const char* name = av_get_pix_fmt_name(declared);
    throw Error(ErrorCode::kInvalidDataFormat,
                std::string("cannot convert video frames of pixel format ") + (name ? name : "unknown") + " to RGB");
  }
  const int* matrix = sws_getCoefficients(colorspace_);
  const int full_range = range_ == AVCOL_RANGE_JPEG || format != declared ? 1 : 0;
  constexpr int kNeutral = 1 << 16;
  sws_setColorspaceDetails(scaler_.get(), matrix, full_range, matrix, 1, 0, kNeutral, kNeutral);
  padded_.reset();
}

Image RgbConverter::convert(const AVFrame& frame) {
  configure(frame);
  Image image = host_.make_image(PixelMode::kRGB, width_, height_);
  if (width_ % kBlock == 0) {
    std::uint8_t* rows[] = {image.mutable_row(0)};
    const int stride[] = {static_cast<int>(image.row_bytes())};
    sws_scale(scaler_.get(), frame.data, frame.linesize, 0, height_, rows, stride);
    return image;
  }
  if (!padded_) {
    padded_ = make_frame();
    padded_->width = width_, padded_->height = height_, padded_->format = AV_PIX_FMT_RGB24;
    const int status = av_frame_get_buffer(padded_.get(), 0);
    if (status < 0) fail("cannot convert a video frame to RGB", "out of memory", status);
  }
  sws_scale(scaler_.get(), frame.data, frame.linesize, 0, height_, padded_->data, padded_->linesize);
  for (int y = 0; y < height_; ++y) {
    std::memcpy(image.mutable_row(y), padded_->data[0] + static_cast<std::ptrdiff_t>(y) * padded_->linesize[0],
                image.row_bytes());
  }
  return image;
}

}  // namespace intarsia::libav
