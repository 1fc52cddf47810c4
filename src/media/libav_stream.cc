// SPDX-License-Identifier: Apache-2.0
#include "media/libav_stream.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace intarsia::libav {
namespace {

double start_of(const AVStream& stream) {
  return stream.start_time == AV_NOPTS_VALUE ? 0 : seconds(stream.start_time, stream);
}

Handle<AVFormatContext> open_container(const std::string& path, const std::string& problem) {
  AVFormatContext* context = nullptr;
  int status = avformat_open_input(&context, path.c_str(), nullptr, nullptr);
  if (status < 0) fail(problem, path, status);
  Handle<AVFormatContext> container(context);
  status = avformat_find_stream_info(context, nullptr);
  if (status < 0) fail(problem, path, status);
  return container;
}

AVStream* first_stream(const AVFormatContext& container, AVMediaType kind) {
  for (unsigned i = 0; i < container.nb_streams; ++i) {
    if (container.streams[i]->codecpar->codec_type == kind) return container.streams[i];
  }
  return nullptr;
}

}  // namespace

PacketReader::PacketReader(std::string path, AVMediaType kind)
    : path_(std::move(path)), kind_(kind), container_(open_container(path_, not_valid())) {
  stream_ = first_stream(*container_, kind);
  if (stream_ == nullptr) fail(not_valid(), path_, AVERROR_STREAM_NOT_FOUND);
  for (unsigned i = 0; i < container_->nb_streams; ++i) {
    if (container_->streams[i] != stream_) container_->streams[i]->discard = AVDISCARD_ALL;
  }
}

std::string PacketReader::not_valid() const {
  return kind_ == AVMEDIA_TYPE_AUDIO ? "Not a valid audio" : "Not a valid video";
}

AVPacket* PacketReader::next() {
  const bool read_before = std::exchange(peeked_, false) && packet_->buf != nullptr;
  return read_before || read() ? packet_.get() : nullptr;
}

const AVPacket* PacketReader::peek() {
  const bool here = peeked_ ? packet_->buf != nullptr : read();
  peeked_ = true;
  return here ? packet_.get() : nullptr;
}

bool PacketReader::read() {
  while (true) {
    av_packet_unref(packet_.get());
    const int status = av_read_frame(container_.get(), packet_.get());
    if (status == AVERROR_EOF) return false;
    if (status < 0) fail("Cannot read on in", path_, status);
    if (packet_->stream_index == stream_->index) return true;
  }
}

void PacketReader::seek(std::int64_t timestamp) {
  peeked_ = false;
  const int status = av_seek_frame(container_.get(), stream_->index, timestamp, AVSEEK_FLAG_BACKWARD);
  if (status < 0) fail("Cannot seek in", path_, status);
}

StreamDecoder::StreamDecoder(PacketReader& packets, int threads, int threading) : packets_(packets) {
  const AVCodecParameters& parameters = *packets.stream().codecpar;
  const AVCodec* decoder = avcodec_find_decoder(parameters.codec_id);
  if (decoder == nullptr) fail(packets.not_valid(), packets.path(), AVERROR_DECODER_NOT_FOUND);
  codec_.reset(avcodec_alloc_context3(decoder));
  const int status = avcodec_parameters_to_context(codec_.get(), &parameters);
  if (status < 0) fail(packets.not_valid(), packets.path(), status);
  codec_->pkt_timebase = packets.stream().time_base;
  codec_->thread_count = threads;
  codec_->thread_type = threading;
}

void StreamDecoder::open() {
  if (opened_) return;
  const int status = avcodec_open2(codec_.get(), nullptr, nullptr);
  if (status < 0) fail(packets_.not_valid(), packets_.path(), status);
  opened_ = true;
}

bool StreamDecoder::next(AVFrame& frame) {
  open();
  while (!receive(frame)) {
    if (ended_) return false;
    feed();
  }
  return true;
}

bool StreamDecoder::decode_alone(const AVPacket& packet, AVFrame& frame) {
  open();
  send(&packet);
  send(nullptr);
  const bool decoded = receive(frame);
  avcodec_flush_buffers(codec_.get());
  ended_ = false;
  return decoded;
}

bool StreamDecoder::receive(AVFrame& frame) {
  const int status = avcodec_receive_frame(codec_.get(), &frame);
  if (status == AVERROR(EAGAIN)) return false;
  if (status == AVERROR_EOF) {
    ended_ = true;
    return false;
  }
  if (status < 0) {
    note_damage(status);
    return false;
  }
  ++decoded_frames_;
  if (frame.pts == AV_NOPTS_VALUE) frame.pts = frame.best_effort_timestamp;
  if (frame.pts == AV_NOPTS_VALUE) frame.pts = due_;
  due_ = frame.pts + frame_ticks(packets_.stream());
  return true;
}

void StreamDecoder::feed() {
  AVPacket* packet = packets_.next();
  while (packet != nullptr && hook_ && !hook_(*packet)) packet = packets_.next();
  send(packet);
}

void StreamDecoder::send(const AVPacket* packet) {
  const int status = avcodec_send_packet(codec_.get(), packet);
  if (status < 0 && status != AVERROR_EOF) note_damage(status);
}

void StreamDecoder::note_damage(int status) {
  damage_ = status;
  if (tolerates_damage_) return;
  fail(decoded_frames_ == 0 ? packets_.not_valid() : "Damaged after frame " + std::to_string(decoded_frames_),
       packets_.path(), status);
}

void StreamDecoder::flush() {
  if (opened_) avcodec_flush_buffers(codec_.get());
  ended_ = false;
}

std::int64_t presentation_time(const AVPacket& packet) {
  return packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
}

std::optional<std::int64_t> optional_time(std::int64_t time) {
  return time == AV_NOPTS_VALUE ? std::nullopt : std::optional(time);
}

double seconds(std::int64_t ticks, const AVStream& stream) {
  return static_cast<double>(ticks) * stream.time_base.num / stream.time_base.den;
}

std::int64_t frame_ticks(const AVStream& stream) {
  if (stream.avg_frame_rate.num == 0) return 1;
  return std::max<std::int64_t>(1, av_rescale_q(1, av_inv_q(stream.avg_frame_rate), stream.time_base));
}

std::optional<double> declared_duration(const AVStream& stream) {
  if (stream.duration != AV_NOPTS_VALUE) return seconds(stream.duration, stream);
  const AVDictionaryEntry* tag = av_dict_get(stream.metadata, "DURATION", nullptr, 0);
  int hours = 0, minutes = 0;
  double rest = 0;
  if (tag == nullptr || std::sscanf(tag->value, "%d:%d:%lf", &hours, &minutes, &rest) != 3) return std::nullopt;
  return hours * 3600 + minutes * 60 + rest - start_of(stream);
}

VideoSpan span_of(const AVStream& stream) {
  return {start_of(stream), declared_duration(stream), av_q2d(stream.time_base)};
}

}  // namespace intarsia::libav
