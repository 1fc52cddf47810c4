// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "media/libav_media.h"
#include "media/libav_rgb.h"
#include "media/libav_stream.h"

namespace intarsia::libav {
namespace {

/// A jump over fewer frames than this costs more than it saves: the decoder's pipeline is drained and filled again.
constexpr std::int64_t kShortestJump = 16;

class ForwardDecoder : public FrameDecoder {
 public:
  ForwardDecoder(const std::string& path, const VideoHost& host)
      : packets_(path, AVMEDIA_TYPE_VIDEO), decoder_(packets_), converter_(host) {
    decoder_.on_packet([this](const AVPacket& packet) { return admit(packet); });
  }

  Image frame_at(std::int64_t pts) override;
  void expect(std::vector<std::int64_t> pts) override { expected_ = std::move(pts); }
  [[nodiscard]] std::int64_t decoded_frames() const override { return decoder_.decoded_frames(); }
  [[nodiscard]] std::int64_t seeks() const override { return seeks_; }

 private:
  bool admit(const AVPacket& packet);
  void jump_towards(std::int64_t pts);
  [[nodiscard]] const AVIndexEntry* key_entry_before(std::int64_t pts) const;
  [[noreturn]] void fail_at(std::int64_t pts, const std::string& problem) const;

  PacketReader packets_;
  StreamDecoder decoder_;
  RgbConverter converter_;
  FramePtr frame_ = make_frame();
  std::vector<std::int64_t> expected_;
  std::optional<std::int64_t> asked_;  // pts of the latest call
  std::optional<std::int64_t> sent_;   // the latest dts given to the decoder
  std::int64_t reorder_ = 0;           // the furthest that a packet's pts was ahead of its dts
  std::int64_t seeks_ = 0;
};

Image ForwardDecoder::frame_at(std::int64_t pts) {
  if (asked_ && pts <= *asked_) fail_at(pts, "frames must be asked for in ascending order");
  asked_ = pts;
  jump_towards(pts);
  while (decoder_.next(*frame_)) {
    const std::int64_t time = presentation_time(*frame_);
    if (time == pts) return converter_.convert(*frame_);
    if (time > pts) break;
  }
  fail_at(pts, "the video has no such frame");
}

/// Frames that no other refers to are decoded only if they are wanted.
bool ForwardDecoder::admit(const AVPacket& packet) {
  if (packet.dts != AV_NOPTS_VALUE) {
    sent_ = packet.dts;
    if (packet.pts != AV_NOPTS_VALUE) reorder_ = std::max(reorder_, packet.pts - packet.dts);
  }
  if (!expected_.empty() && packet.pts != AV_NOPTS_VALUE) {
    const bool wanted = std::binary_search(expected_.begin(), expected_.end(), packet.pts);
    decoder_.codec().skip_frame = wanted ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
  }
  return true;
}

/// Seeks to the last key frame presented at or before `pts`, if that leaves out enough frames. Index entries hold the
/// dts in some containers and the pts in others: keeping away by the reordering serves both.
void ForwardDecoder::jump_towards(std::int64_t pts) {
  if (!sent_) return;
  const std::int64_t reorder =
      std::max(reorder_, packets_.stream().codecpar->video_delay * frame_ticks(packets_.stream()));
  const AVIndexEntry* entry = key_entry_before(pts - reorder);
  if (entry == nullptr || entry->timestamp - *sent_ < kShortestJump * frame_ticks(packets_.stream())) return;
  packets_.seek(entry->timestamp);
  decoder_.flush();
  ++seeks_;
}

const AVIndexEntry* ForwardDecoder::key_entry_before(std::int64_t pts) const {
  return avformat_index_get_entry_from_timestamp(&packets_.stream(), pts, AVSEEK_FLAG_BACKWARD);
}

void ForwardDecoder::fail_at(std::int64_t pts, const std::string& problem) const {
  throw Error(ErrorCode::kInvalidArgument,
              "frame with pts " + std::to_string(pts) + " of " + packets_.path() + ": " + problem);
}

}  // namespace

std::unique_ptr<FrameDecoder> open_frame_decoder(const std::string& path, const VideoHost& host) {
  return std::make_unique<ForwardDecoder>(path, host);
}

}  // namespace intarsia::libav
