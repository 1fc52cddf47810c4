// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "intarsia/media.h"

namespace intarsia {

/// What is known of one frame beside its pixels; the `frame_attrs` of a frame view. Times are in the units of the
/// stream (VideoInfo::time_base), except `time`.
struct FrameAttributes {
  std::int64_t index = 0;           ///< position among the frames of the stream, in presentation order
  std::int64_t pts = 0;             ///< presentation timestamp; what FrameDecoder finds the frame by
  std::optional<std::int64_t> dts;  ///< of the packet at which the decoder gives the frame; none for the last frames
  double time = 0;                  ///< pts in seconds
  bool is_corrupt = false;
  bool key_frame = false;
  int pict_type = 0;  ///< 0 unknown, 1 I, 2 P, 3 B, 4 S, 5 SI, 6 SP, 7 BI
  bool interlaced_frame = false;

  bool operator==(const FrameAttributes&) const = default;
};

/// Which frames to take; at most one of the three. None: all.
struct FrameSampling {
  std::optional<double> fps = std::nullopt;  ///< the frames nearest to start, start + 1/fps, ...; each at most once
  std::optional<std::int64_t> num_frames =
      std::nullopt;  ///< the frames nearest to the middles of so many equal intervals
  bool keyframes_only = false;
};

/// What a FrameReader is asked for. kAttributes spares all work that only pixels need: progressive H.264 and HEVC are
/// not decoded at all, so that damage inside a packet is not seen and is_corrupt tells only what the container knows.
enum class FrameContent : std::uint8_t { kAttributes, kPixels };

/// Reads the sampled frames of one video in presentation order: one pass, no seeks, a few frames in memory.
/// Not thread-safe; different readers are independent.
class FrameReader {
 public:
  virtual ~FrameReader() = default;
  /// Gives the next frame; false after the last one. `image` may be null; else it receives the frame as RGB.
  /// Requires: `image` is null for a reader opened with kAttributes.
  /// Throws Error(kInvalidDataFormat) at damage that cannot be decoded; the frames before it have been given.
  virtual bool next(FrameAttributes& attributes, Image* image) = 0;
};

/// Decodes chosen frames of one video, by their pts, in ascending order. One pass: no frame is decoded twice, and the
/// decoder seeks only forward, over whole groups of pictures that hold no wanted frame. Not thread-safe.
class FrameDecoder {
 public:
  virtual ~FrameDecoder() = default;
  /// The frame with this pts as RGB. Requires: pts greater than that of the call before.
  /// Throws Error(kInvalidArgument) when the video has no such frame or `pts` does not ascend,
  /// Error(kInvalidDataFormat) when the frame cannot be decoded; frames behind it can still be asked for.
  virtual Image frame_at(std::int64_t pts) = 0;
  /// Tells which frames (ascending) the next calls ask for: up to the last of them, a frame that is not wanted and that
  /// no other refers to is not decoded at all. To be called again for each batch of calls, or never.
  virtual void expect(std::vector<std::int64_t> pts) = 0;
  [[nodiscard]] virtual std::int64_t decoded_frames() const = 0;
  [[nodiscard]] virtual std::int64_t seeks() const = 0;
};

struct MediaStream {
  std::string kind;   ///< "video", "audio", "subtitle", "data"
  std::string codec;  ///< "h264"
  double duration = 0;
  int time_base_num = 0, time_base_den = 1;
};

struct VideoInfo {
  double duration = 0;           ///< seconds
  int width = 0, height = 0;     ///< as decoded, before any rotation
  double frame_rate = 0;         ///< average, frames per second; 0: unknown
  std::int64_t frame_count = 0;  ///< from the container, else counted without decoding
  std::string codec;             ///< "h264"
  std::string pixel_format;      ///< "yuv420p"
  int time_base_num = 0, time_base_den = 1;
  double rotation = 0;        ///< degrees counter-clockwise that a player turns the picture by
  std::string container;      ///< "mov,mp4,m4a,3gp,3g2,mj2"
  std::int64_t bit_rate = 0;  ///< bits per second of the whole file; 0: unknown
  std::vector<MediaStream> streams;
};

struct AudioInfo {
  double duration = 0;  ///< seconds
  int sample_rate = 0;
  int channels = 0;
  std::string codec;
  std::string container;
};

/// All of these load the video library on first use and throw Error(kUnsupportedOperation) when it is not installed,
/// Error(kInvalidDataFormat) when the file is no such media.
[[nodiscard]] std::unique_ptr<FrameReader> open_frames(const std::string& path, const FrameSampling& sampling,
                                                       FrameContent content = FrameContent::kPixels);
[[nodiscard]] std::unique_ptr<FrameDecoder> open_frame_decoder(const std::string& path);
[[nodiscard]] VideoInfo probe_video(const std::string& path);
[[nodiscard]] AudioInfo probe_audio(const std::string& path);
/// Opens the file and decodes its first frames: at least two, as a single picture is no video.
void validate_video(const std::string& path);
/// Opens the file and decodes its first audio frame.
void validate_audio(const std::string& path);

}  // namespace intarsia
