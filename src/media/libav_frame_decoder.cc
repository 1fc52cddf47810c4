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
    decoder_.tolerate_damage();
    decoder_.on_packet([this](const AVPacket& packet) { return admit(packet); });
  }

  Image frame_at(std::int64_t pts) override;
  void expect(std::vector<std::int64_t> pts) override { expected_ = std::move(pts); }
  [[nodiscard]] std::int64_t decoded_frames() const override { return decoder_.decoded_frames(); }
  [[nodiscard]] std::int64_t seeks() const override { return seeks_; }

 private:
  bool admit(const AVPacket& packet);
  void jump_towards(std::int64_t pts);
  bool decode_until(std::int64_t pts);
  [[nodiscard]] bool lands_behind(std::int64_t pts);
  void start_again();
  [[nodiscard]] const AVIndexEntry* key_entry_before(std::int64_t pts) const;
  [[noreturn]] void fail_at(std::int64_t pts, ErrorCode code, const std::string& problem) const;

  PacketReader packets_;
  StreamDecoder decoder_;
  RgbConverter converter_;
  FramePtr held_;  // decoded and not yet given
  std::vector<std::int64_t> expected_;
  std::optional<std::int64_t> asked_;  // pts of the latest call
  std::optional<std::int64_t> sent_;   // the latest dts given to the decoder
  std::int64_t reorder_ = 0;           // the furthest that a packet's pts was ahead of its dts
  std::int64_t seeks_ = 0;
  bool may_jump_ = true;
};

Image ForwardDecoder::frame_at(std::int64_t pts) {
  if (asked_ && pts <= *asked_)
    fail_at(pts, ErrorCode::kInvalidArgument, "frames must be asked for in ascending order");
  asked_ = pts;
  jump_towards(pts);
  bool found = decode_until(pts);
  if (!found && seeks_ > 0 && decoder_.damage() == 0) {
    start_again();
    found = decode_until(pts);
  }
  if (found) return converter_.convert(*std::exchange(held_, nullptr));
  if (decoder_.damage() != 0) fail_at(pts, ErrorCode::kInvalidDataFormat, reason(decoder_.damage()));
  fail_at(pts, ErrorCode::kInvalidArgument, "the video has no such frame");
}

/// Decodes until `held_` is the frame at `pts`, or a later one, which is kept for the next call.
bool ForwardDecoder::decode_until(std::int64_t pts) {
  while (!held_ || held_->pts < pts) {
    if (!held_) held_ = make_frame();
    if (decoder_.next(*held_)) continue;
    held_.reset();
    return false;
  }
  return held_->pts == pts;
}

/// After a jump to a key frame that the frames behind it cannot be decoded from: goes through the whole video.
void ForwardDecoder::start_again() {
  packets_.seek(avformat_index_get_entry(&packets_.stream(), 0)->timestamp);
  decoder_.flush();
  held_.reset();
  may_jump_ = false;
}

/// Frames that no other refers to are decoded only if they are wanted.
bool ForwardDecoder::admit(const AVPacket& packet) {
  if (packet.dts != AV_NOPTS_VALUE) {
    sent_ = packet.dts;
    if (packet.pts != AV_NOPTS_VALUE) reorder_ = std::max(reorder_, packet.pts - packet.dts);
  }
  const bool known = !expected_.empty() && packet.pts != AV_NOPTS_VALUE && packet.pts <= expected_.back();
  const bool unwanted = known && !std::binary_search(expected_.begin(), expected_.end(), packet.pts);
  decoder_.codec().skip_frame = unwanted ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
  return true;
}

/// Seeks to the last key frame presented at or before `pts`, if that leaves out enough frames. Index entries hold the
/// dts in some containers and the pts in others: the first packet there tells whether the seek went too far.
void ForwardDecoder::jump_towards(std::int64_t pts) {
  AVStream& stream = packets_.stream();
  if (!may_jump_ || avformat_index_get_entries_count(&stream) == 0) return;
  const std::int64_t here = sent_ ? *sent_ : avformat_index_get_entry(&stream, 0)->timestamp;
  const std::int64_t reorder = std::max(reorder_, stream.codecpar->video_delay * frame_ticks(stream));
  const AVIndexEntry* entry = key_entry_before(pts - reorder);
  if (entry == nullptr || entry->timestamp - here < kShortestJump * frame_ticks(stream)) return;
  ++seeks_;
  decoder_.flush();
  held_.reset();
  packets_.seek(pts);
  for (; lands_behind(pts) && entry != nullptr; entry = key_entry_before(entry->timestamp - 1)) {
    packets_.seek(entry->timestamp);
  }
  if (lands_behind(pts)) start_again();
}

bool ForwardDecoder::lands_behind(std::int64_t pts) {
  const AVPacket* first = packets_.peek();
  return first == nullptr || presentation_time(*first) > pts;
}

const AVIndexEntry* ForwardDecoder::key_entry_before(std::int64_t pts) const {
  return avformat_index_get_entry_from_timestamp(&packets_.stream(), pts, AVSEEK_FLAG_BACKWARD);
}

void ForwardDecoder::fail_at(std::int64_t pts, ErrorCode code, const std::string& problem) const {
  throw Error(code, "frame with pts " + std::to_string(pts) + " of " + packets_.path() + ": " + problem);
}

}  // namespace

std::unique_ptr<FrameDecoder> open_frame_decoder(const std::string& path, const VideoHost& host) {
  return std::make_unique<ForwardDecoder>(path, host);
}

}  // namespace intarsia::libav
