// SPDX-License-Identifier: Apache-2.0
#include "media/libav_handles.h"

#include <new>

extern "C" {
#include <libavutil/display.h>
}

namespace intarsia::libav {
namespace {

template <class T>
std::unique_ptr<T, Free> owned(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return std::unique_ptr<T, Free>(pointer);
}

double rotation_of(const void* matrix) {
  return av_display_rotation_get(static_cast<const std::int32_t*>(matrix));
}

}  // namespace

std::string reason(int status) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(status, text, sizeof text);
  return text;
}

void fail(const std::string& problem, const std::string& path, int status) {
  throw Error(ErrorCode::kInvalidDataFormat, problem + ": " + path + " (" + reason(status) + ")");
}

FramePtr make_frame() {
  return owned(av_frame_alloc());
}

PacketPtr make_packet() {
  return owned(av_packet_alloc());
}

#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 29, 100)
bool is_key_frame(const AVFrame& frame) {
  return (frame.flags & AV_FRAME_FLAG_KEY) != 0;
}
bool is_interlaced(const AVFrame& frame) {
  return (frame.flags & AV_FRAME_FLAG_INTERLACED) != 0;
}
#else
bool is_key_frame(const AVFrame& frame) {
  return frame.key_frame != 0;
}
bool is_interlaced(const AVFrame& frame) {
  return frame.interlaced_frame != 0;
}
#endif

#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
std::int64_t frame_duration(const AVFrame& frame) {
  return frame.duration;
}
#else
std::int64_t frame_duration(const AVFrame& frame) {
  return frame.pkt_duration;
}
#endif

#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100)
int channel_count(const AVCodecParameters& parameters) {
  return parameters.ch_layout.nb_channels;
}
#else
int channel_count(const AVCodecParameters& parameters) {
  return parameters.channels;
}
#endif

#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
double display_rotation(const AVStream& stream) {
  const AVCodecParameters& parameters = *stream.codecpar;
  const AVPacketSideData* side =
      av_packet_side_data_get(parameters.coded_side_data, parameters.nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
  return side == nullptr ? 0 : rotation_of(side->data);
}
#else
double display_rotation(const AVStream& stream) {
  const void* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  return matrix == nullptr ? 0 : rotation_of(matrix);
}
#endif

}  // namespace intarsia::libav
