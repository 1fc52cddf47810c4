// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "intarsia/error.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

namespace intarsia::libav {

struct Free {
  void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
  void operator()(AVCodecParserContext* parser) const { av_parser_close(parser); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(SwsContext* context) const { sws_freeContext(context); }
};

template <class T>
using Handle = std::unique_ptr<T, Free>;

using FramePtr = Handle<AVFrame>;
using PacketPtr = Handle<AVPacket>;

/// libav's words for a status.
[[nodiscard]] std::string reason(int status);
/// Throws Error(kInvalidDataFormat): "Not a valid video: <path>", or what `problem` says, and libav's reason.
[[noreturn]] void fail(const std::string& problem, const std::string& path, int status);
[[nodiscard]] FramePtr make_frame();
[[nodiscard]] PacketPtr make_packet();

/// The libav versions differ in where these are kept.
[[nodiscard]] bool is_key_frame(const AVFrame& frame);
[[nodiscard]] bool is_interlaced(const AVFrame& frame);
[[nodiscard]] std::int64_t frame_duration(const AVFrame& frame);
[[nodiscard]] int channel_count(const AVCodecParameters& parameters);
/// Degrees counter-clockwise from the display matrix of a stream; 0 without one.
[[nodiscard]] double display_rotation(const AVStream& stream);

}  // namespace intarsia::libav
