// SPDX-License-Identifier: Apache-2.0
#include "media/libav_rgb.h"

#include <cstring>

extern "C" {
#include <libavutil/opt.h>
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

/// 2 for a frame that holds two half pictures, which are converted apart: colour is sampled within each.
int fields_of(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const bool planar = format != nullptr && (format->flags & AV_PIX_FMT_FLAG_PLANAR) != 0;
  return is_interlaced(frame) && planar && frame.height % 4 == 0 ? 2 : 1;
}

Handle<SwsContext> make_scaler(int width, int height, AVPixelFormat format, AVChromaLocation location) {
  Handle<SwsContext> scaler(sws_alloc_context());
  if (!scaler) return scaler;
  void* options = scaler.get();
  av_opt_set_int(options, "srcw", width, 0);
  av_opt_set_int(options, "srch", height, 0);
  av_opt_set_int(options, "src_format", format, 0);
  av_opt_set_int(options, "dstw", width, 0);
  av_opt_set_int(options, "dsth", height, 0);
  av_opt_set_int(options, "dst_format", AV_PIX_FMT_RGB24, 0);
  av_opt_set_int(options, "sws_flags", SWS_BILINEAR, 0);
  // Positions are in 1/256 of a luma pixel, by column and row.
  const int place = location == AVCHROMA_LOC_UNSPECIFIED ? 0 : location - AVCHROMA_LOC_LEFT;
  constexpr int kRow[] = {128, 128, 0, 0, 256, 256};
  av_opt_set_int(options, "src_h_chr_pos", place % 2 == 0 ? 0 : 128, 0);
  if (const AVPixFmtDescriptor* layout = av_pix_fmt_desc_get(format); layout->log2_chroma_h == 1) {
    av_opt_set_int(options, "src_v_chr_pos", kRow[place], 0);
  }
  if (sws_init_context(scaler.get(), nullptr, nullptr) < 0) scaler.reset();
  return scaler;
}

}  // namespace

void RgbConverter::configure(const AVFrame& frame) {
  if (scaler_ && width_ == frame.width && height_ == frame.height && format_ == frame.format &&
      colorspace_ == frame.colorspace && range_ == frame.color_range && fields_ == fields_of(frame)) {
    return;
  }
  width_ = frame.width, height_ = frame.height, format_ = frame.format;
  colorspace_ = frame.colorspace, range_ = frame.color_range, fields_ = fields_of(frame);
  const auto declared = static_cast<AVPixelFormat>(format_);
  const AVPixelFormat format = without_range(declared);
  scaler_ = make_scaler(width_, height_ / fields_, format, frame.chroma_location);
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
    scale(frame, image.mutable_row(0), static_cast<int>(image.row_bytes()));
    return image;
  }
  if (!padded_) {
    padded_ = make_frame();
    padded_->width = width_, padded_->height = height_, padded_->format = AV_PIX_FMT_RGB24;
    const int status = av_frame_get_buffer(padded_.get(), 0);
    if (status < 0) fail("cannot convert a video frame to RGB", "out of memory", status);
  }
  const int stride = padded_->linesize[0];
  scale(frame, padded_->data[0], stride);
  for (int y = 0; y < height_; ++y) {
    std::memcpy(image.mutable_row(y), padded_->data[0] + static_cast<std::ptrdiff_t>(y) * stride, image.row_bytes());
  }
  return image;
}

void RgbConverter::scale(const AVFrame& frame, std::uint8_t* rows, int stride) {
  for (int field = 0; field < fields_; ++field) {
    const std::uint8_t* planes[AV_NUM_DATA_POINTERS] = {};
    int strides[AV_NUM_DATA_POINTERS] = {};
    for (int i = 0; i < AV_NUM_DATA_POINTERS && frame.data[i] != nullptr; ++i) {
      planes[i] = frame.data[i] + static_cast<std::ptrdiff_t>(field) * frame.linesize[i];
      strides[i] = frame.linesize[i] * fields_;
    }
    std::uint8_t* target[] = {rows + static_cast<std::ptrdiff_t>(field) * stride};
    const int target_stride[] = {stride * fields_};
    sws_scale(scaler_.get(), planes, strides, 0, height_ / fields_, target, target_stride);
  }
}

}  // namespace intarsia::libav
