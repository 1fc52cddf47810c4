// SPDX-License-Identifier: Apache-2.0
#include "media/libav_pictures.h"

#include <deque>
#include <utility>

#include "media/packet_order.h"

namespace intarsia::libav {
namespace {

void leave_out_pixel_work(AVCodecContext& codec) {
  codec.skip_loop_filter = AVDISCARD_ALL;
  codec.skip_idct = AVDISCARD_ALL;
}

class DecodedPictures : public PictureSource {
 public:
  DecodedPictures(PacketReader& packets, FrameContent content) : stream_(packets.stream()), decoder_(packets) {
    if (content == FrameContent::kAttributes) leave_out_pixel_work(decoder_.codec());
  }

  std::optional<Picture> next() override {
    FramePtr frame = make_frame();
    if (!decoder_.next(*frame)) return std::nullopt;
    Picture picture = picture_of(std::move(frame), stream_);
    picture.attributes.index = index_++;
    return picture;
  }

 private:
  const AVStream& stream_;
  StreamDecoder decoder_;
  std::int64_t index_ = 0;
};

/// Every key frame is decoded apart from the others: decoders may give key frames in a wrong order, or keep some back,
/// when the frames between them are missing. The packets between are counted, which tells index and dts.
class KeyPictures : public PictureSource {
 public:
  KeyPictures(PacketReader& packets, FrameContent content)
      : packets_(packets), decoder_(packets, 0, FF_THREAD_SLICE), order_(packets.stream().codecpar->video_delay) {
    if (content == FrameContent::kAttributes) leave_out_pixel_work(decoder_.codec());
  }

  std::optional<Picture> next() override {
    while (!ended_ && (waiting_.empty() || !order_.knows(waiting_.front().attributes.pts))) read();
    if (waiting_.empty()) return std::nullopt;
    Picture picture = std::move(waiting_.front());
    waiting_.pop_front();
    const auto place = order_.place(picture.attributes.pts);
    picture.attributes.index = place.index;
    picture.attributes.dts = place.dts;
    return picture;
  }

 private:
  void read() {
    const AVPacket* packet = packets_.next();
    if (packet == nullptr) {
      order_.finish();
      ended_ = true;
      return;
    }
    if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) return;
    order_.add({presentation_time(*packet), optional_time(packet->dts)});
    if ((packet->flags & AV_PKT_FLAG_KEY) == 0) return;
    FramePtr frame = make_frame();
    if (!decoder_.decode_alone(*packet, *frame) || !is_key_frame(*frame)) return;
    waiting_.push_back(picture_of(std::move(frame), packets_.stream()));
  }

  PacketReader& packets_;
  StreamDecoder decoder_;
  PacketOrder order_;
  std::deque<Picture> waiting_;
  bool ended_ = false;
};

/// For containers that don't say when a packet is presented.
class KeyPicturesOfAll : public PictureSource {
 public:
  KeyPicturesOfAll(PacketReader& packets, FrameContent content) : all_(packets, content) {}

  std::optional<Picture> next() override {
    auto picture = all_.next();
    while (picture && !picture->attributes.key_frame) picture = all_.next();
    return picture;
  }

 private:
  DecodedPictures all_;
};

}  // namespace

Picture picture_of(FramePtr frame, const AVStream& stream) {
  Picture picture;
  FrameAttributes& attributes = picture.attributes;
  attributes.pts = frame->pts;
  attributes.dts = optional_time(frame->pkt_dts);
  attributes.time = seconds(attributes.pts, stream);
  attributes.is_corrupt = frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0;
  attributes.key_frame = is_key_frame(*frame);
  attributes.pict_type = frame->pict_type;
  attributes.interlaced_frame = is_interlaced(*frame);
  picture.duration = frame_duration(*frame);
  picture.frame = std::move(frame);
  return picture;
}

std::unique_ptr<PictureSource> decoded_pictures(PacketReader& packets, FrameContent content) {
  return std::make_unique<DecodedPictures>(packets, content);
}

std::unique_ptr<PictureSource> key_pictures(PacketReader& packets, FrameContent content) {
  const AVPacket* first = packets.peek();
  if (first != nullptr && first->pts == AV_NOPTS_VALUE) return std::make_unique<KeyPicturesOfAll>(packets, content);
  return std::make_unique<KeyPictures>(packets, content);
}

}  // namespace intarsia::libav
