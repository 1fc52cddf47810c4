// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "media/libav_pictures.h"
#include "media/packet_order.h"

namespace intarsia::libav {
namespace {

struct Later {
  bool operator()(const Picture& a, const Picture& b) const { return a.attributes.pts > b.attributes.pts; }
};

class ParsedPictures : public PictureSource {
 public:
  explicit ParsedPictures(PacketReader& packets)
      : packets_(packets),
        codec_(packets, 1),
        parser_(av_parser_init(packets.stream().codecpar->codec_id)),
        order_(packets.stream().codecpar->video_delay) {
    parser_->flags |= PARSER_FLAG_COMPLETE_FRAMES;
  }

  std::optional<Picture> next() override {
    while (!ended_ && (waiting_.empty() || !order_.knows(waiting_.front().attributes.pts))) read();
    if (waiting_.empty()) return std::nullopt;
    std::pop_heap(waiting_.begin(), waiting_.end(), Later());
    Picture picture = std::move(waiting_.back());
    waiting_.pop_back();
    const auto place = order_.place(picture.attributes.pts);
    picture.attributes.index = place.index;
    picture.attributes.dts = place.dts;
    return picture;
  }

 private:
  void read();
  void parse(const AVPacket& packet);

  PacketReader& packets_;
  StreamDecoder codec_;  // never decodes: the parser keeps its headers there
  Handle<AVCodecParserContext> parser_;
  PacketOrder order_;
  std::vector<Picture> waiting_;  // a heap, the earliest in front
  bool ended_ = false;
};

void ParsedPictures::read() {
  const AVPacket* packet = packets_.next();
  if (packet == nullptr) {
    order_.finish();
    ended_ = true;
    return;
  }
  parse(*packet);
  if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) return;
  Picture picture;
  FrameAttributes& attributes = picture.attributes;
  attributes.pts = presentation_time(*packet);
  attributes.time = seconds(attributes.pts, packets_.stream());
  attributes.is_corrupt = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
  attributes.key_frame = parser_->key_frame == 1;
  attributes.pict_type = parser_->pict_type;
  picture.duration = packet->duration;
  order_.add({attributes.pts, optional_time(packet->dts)});
  waiting_.push_back(std::move(picture));
  std::push_heap(waiting_.begin(), waiting_.end(), Later());
}

void ParsedPictures::parse(const AVPacket& packet) {
  std::uint8_t* data = nullptr;
  int size = 0;
  av_parser_parse2(parser_.get(), &codec_.codec(), &data, &size, packet.data, packet.size, packet.pts, packet.dts,
                   packet.pos);
}

}  // namespace

/// Interlaced video is left to the decoder: two packets can be one frame. So are codecs whose packets can hold no
/// frame or several.
bool can_parse_pictures(PacketReader& packets) {
  const AVCodecParameters& parameters = *packets.stream().codecpar;
  const bool codec = parameters.codec_id == AV_CODEC_ID_H264 || parameters.codec_id == AV_CODEC_ID_HEVC;
  if (!codec || parameters.field_order != AV_FIELD_PROGRESSIVE) return false;
  const AVPacket* first = packets.peek();
  return first != nullptr && first->pts != AV_NOPTS_VALUE;
}

std::unique_ptr<PictureSource> parsed_pictures(PacketReader& packets) {
  return std::make_unique<ParsedPictures>(packets);
}

}  // namespace intarsia::libav
