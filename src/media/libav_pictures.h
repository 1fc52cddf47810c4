// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "media/libav_stream.h"
#include "media/video.h"

namespace intarsia::libav {

/// A frame of a stream on its way to the sampler.
struct Picture {
  FrameAttributes attributes;
  std::int64_t duration = 0;  ///< in units of the time base; 0: unknown
  FramePtr frame;             ///< null from a source that does not decode
};

/// Gives the frames of one stream in presentation order, each once.
class PictureSource {
 public:
  virtual ~PictureSource() = default;
  /// The next frame; nothing at the end.
  virtual std::optional<Picture> next() = 0;
};

/// Decodes every frame. With kAttributes the steps that only pixels need are left out.
[[nodiscard]] std::unique_ptr<PictureSource> decoded_pictures(PacketReader& packets, FrameContent content);
/// Decodes key frames only; the packets between them are counted, so that index and dts are those of a full decode.
[[nodiscard]] std::unique_ptr<PictureSource> key_pictures(PacketReader& packets, FrameContent content);

/// Reads the frames' attributes from the packets' headers, without decoding: hundreds of times faster. Damage inside a
/// packet is not seen. Frames have no pixels. Requires: can_parse_pictures.
[[nodiscard]] std::unique_ptr<PictureSource> parsed_pictures(PacketReader& packets);
[[nodiscard]] bool can_parse_pictures(PacketReader& packets);

/// What the decoder says of a frame, all but its index.
[[nodiscard]] Picture picture_of(FramePtr frame, const AVStream& stream);

}  // namespace intarsia::libav
