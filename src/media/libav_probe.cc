// SPDX-License-Identifier: Apache-2.0
#include "media/libav_media.h"
#include "media/libav_stream.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace intarsia::libav {
namespace {

std::string text(const char* name) {
  return name == nullptr ? std::string() : std::string(name);
}

double rate(AVRational value) {
  return value.den == 0 ? 0 : av_q2d(value);
}

/// Of the stream, else of the whole file; 0: not declared.
double duration_of(const AVFormatContext& container, const AVStream& stream) {
  if (const auto declared = declared_duration(stream)) return *declared;
  return container.duration == AV_NOPTS_VALUE ? 0 : static_cast<double>(container.duration) / AV_TIME_BASE;
}

MediaStream describe(const AVFormatContext& container, const AVStream& stream) {
  return {text(av_get_media_type_string(stream.codecpar->codec_type)),
          text(avcodec_get_name(stream.codecpar->codec_id)), duration_of(container, stream), stream.time_base.num,
          stream.time_base.den};
}

std::int64_t count_frames(PacketReader& packets) {
  if (packets.stream().nb_frames > 0) return packets.stream().nb_frames;
  std::int64_t count = 0;
  while (const AVPacket* packet = packets.next()) {
    if ((packet->flags & AV_PKT_FLAG_DISCARD) == 0) ++count;
  }
  return count;
}

/// Decodes up to `wanted` frames and returns how many there were.
int decode_some(PacketReader& packets, int wanted) {
  StreamDecoder decoder(packets, 1);
  const FramePtr frame = make_frame();
  int count = 0;
  while (count < wanted && decoder.next(*frame)) ++count;
  return count;
}

}  // namespace

VideoInfo probe_video(const std::string& path) {
  PacketReader packets(path, AVMEDIA_TYPE_VIDEO);
  const AVFormatContext& container = packets.container();
  const AVStream& stream = packets.stream();
  VideoInfo info;
  info.duration = duration_of(container, stream);
  info.width = stream.codecpar->width;
  info.height = stream.codecpar->height;
  info.frame_rate = rate(stream.avg_frame_rate);
  info.codec = text(avcodec_get_name(stream.codecpar->codec_id));
  info.pixel_format = text(av_get_pix_fmt_name(static_cast<AVPixelFormat>(stream.codecpar->format)));
  info.time_base_num = stream.time_base.num;
  info.time_base_den = stream.time_base.den;
  info.rotation = display_rotation(stream);
  info.container = text(container.iformat->name);
  info.bit_rate = container.bit_rate;
  for (unsigned i = 0; i < container.nb_streams; ++i)
    info.streams.push_back(describe(container, *container.streams[i]));
  info.frame_count = count_frames(packets);
  return info;
}

AudioInfo probe_audio(const std::string& path) {
  const PacketReader packets(path, AVMEDIA_TYPE_AUDIO);
  const AVStream& stream = packets.stream();
  return {duration_of(packets.container(), stream), stream.codecpar->sample_rate, channel_count(*stream.codecpar),
          text(avcodec_get_name(stream.codecpar->codec_id)), text(packets.container().iformat->name)};
}

void validate_video(const std::string& path) {
  PacketReader packets(path, AVMEDIA_TYPE_VIDEO);
  constexpr int kTried = 10;
  constexpr int kEnough = 2;  // one frame alone is an image
  if (decode_some(packets, kTried) < kEnough) {
    throw Error(ErrorCode::kInvalidDataFormat, packets.not_valid() + ": " + path + " (fewer than two frames)");
  }
}

void validate_audio(const std::string& path) {
  PacketReader packets(path, AVMEDIA_TYPE_AUDIO);
  if (decode_some(packets, 1) < 1) {
    throw Error(ErrorCode::kInvalidDataFormat, packets.not_valid() + ": " + path + " (nothing to decode)");
  }
}

}  // namespace intarsia::libav
