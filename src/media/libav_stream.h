// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "media/frame_sampler.h"
#include "media/libav_handles.h"

namespace intarsia::libav {

/// An opened file and one of its streams, read packet by packet.
class PacketReader {
 public:
  /// Throws Error(kInvalidDataFormat) when the file cannot be opened or has no stream of that kind.
  PacketReader(std::string path, AVMediaType kind);

  /// The next packet of the stream; null at the end. Valid until the next call.
  [[nodiscard]] AVPacket* next();
  /// The packet that next() will return.
  [[nodiscard]] const AVPacket* peek();
  /// Goes to the packet at the index entry of this timestamp.
  void seek(std::int64_t timestamp);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] AVFormatContext& container() const { return *container_; }
  [[nodiscard]] AVStream& stream() const { return *stream_; }
  /// "Not a valid video" or "... audio", for error messages.
  [[nodiscard]] std::string not_valid() const;

 private:
  std::string path_;
  AVMediaType kind_;
  Handle<AVFormatContext> container_;
  AVStream* stream_ = nullptr;
  bool read();

  PacketPtr packet_ = make_packet();
  bool peeked_ = false;
};

/// Decodes the packets of a PacketReader: frames in presentation order.
class StreamDecoder {
 public:
  /// `threads`: 0 for one per core. `threading`: FF_THREAD_FRAME decodes several frames at once.
  explicit StreamDecoder(PacketReader& packets, int threads = 0, int threading = FF_THREAD_FRAME | FF_THREAD_SLICE);

  /// Called with each packet just before it is decoded; may change codec().skip_frame. False: don't decode it.
  using PacketHook = std::function<bool(const AVPacket&)>;
  void on_packet(PacketHook hook) { hook_ = std::move(hook); }

  /// Goes on behind packets that cannot be decoded; damage() tells of the latest.
  void tolerate_damage() { tolerates_damage_ = true; }
  /// libav's status for the latest packet that could not be decoded; 0: none.
  [[nodiscard]] int damage() const { return damage_; }

  /// Decodes the next frame; false at the end. A frame without a pts gets a guess. Throws Error(kInvalidDataFormat) at
  /// damage that cannot be decoded.
  [[nodiscard]] bool next(AVFrame& frame);
  /// Decodes a packet that needs no other, apart from all before and after; false when it gives no frame. Not to be
  /// mixed with next().
  [[nodiscard]] bool decode_alone(const AVPacket& packet, AVFrame& frame);
  /// Forgets what is under way, after a seek.
  void flush();

  [[nodiscard]] AVCodecContext& codec() const { return *codec_; }
  /// Frames that came out of the decoder.
  [[nodiscard]] std::int64_t decoded_frames() const { return decoded_frames_; }

 private:
  void open();
  void feed();
  void send(const AVPacket* packet);
  bool receive(AVFrame& frame);
  void note_damage(int status);

  PacketReader& packets_;
  Handle<AVCodecContext> codec_;
  PacketHook hook_;
  std::int64_t decoded_frames_ = 0;
  bool opened_ = false;
  bool ended_ = false;
  bool tolerates_damage_ = false;
  int damage_ = 0;
  std::int64_t due_ = 0;  // when the next frame should be presented
};

/// The pts, else the dts: the same where frames are not reordered.
[[nodiscard]] std::int64_t presentation_time(const AVPacket& packet);
/// Nothing for AV_NOPTS_VALUE.
[[nodiscard]] std::optional<std::int64_t> optional_time(std::int64_t time);
/// Units of the stream's time base as seconds, rounded once.
[[nodiscard]] double seconds(std::int64_t ticks, const AVStream& stream);
/// What one frame lasts at the average rate, in units of the time base; at least 1.
[[nodiscard]] std::int64_t frame_ticks(const AVStream& stream);
/// What the container declares; Matroska keeps the end of a stream in a tag.
[[nodiscard]] std::optional<double> declared_duration(const AVStream& stream);
[[nodiscard]] VideoSpan span_of(const AVStream& stream);

}  // namespace intarsia::libav
