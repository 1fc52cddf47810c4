// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <utility>

#include "media/libav_media.h"
#include "media/libav_pictures.h"
#include "media/libav_rgb.h"

namespace intarsia::libav {
namespace {

std::unique_ptr<PictureSource> pictures_of(PacketReader& packets, const FrameSampling& sampling, FrameContent content) {
  if (sampling.keyframes_only) return key_pictures(packets, content);
  if (content == FrameContent::kAttributes && can_parse_pictures(packets)) return parsed_pictures(packets);
  return decoded_pictures(packets, content);
}

class SampledFrames : public FrameReader {
 public:
  SampledFrames(const std::string& path, const FrameSampling& sampling, FrameContent content, const VideoHost& host)
      : packets_(path, AVMEDIA_TYPE_VIDEO),
        sampler_(sampling, span_of(packets_.stream())),
        pictures_(pictures_of(packets_, sampling, content)),
        converter_(host) {}

  bool next(FrameAttributes& attributes, Image* image) override {
    if (!started_) advance();
    started_ = true;
    while (coming_ && !sampler_.done()) {
      Picture picture = std::move(*coming_);
      advance();
      if (!take(picture)) continue;
      attributes = picture.attributes;
      if (image != nullptr) *image = converter_.convert(*picture.frame);
      return true;
    }
    if (damage_ && !sampler_.done()) std::rethrow_exception(std::exchange(damage_, nullptr));
    return false;
  }

 private:
  /// Damage ends the video after the frames before it: the error is kept until they are given.
  void advance() {
    coming_.reset();
    if (damage_) return;
    try {
      coming_ = pictures_->next();
    } catch (const Error&) {
      if (!started_) throw;
      damage_ = std::current_exception();
    }
  }

  bool take(const Picture& picture) {
    if (coming_) {
      last_interval_ = coming_->attributes.time - picture.attributes.time;
      return sampler_.take(picture.attributes.time, coming_->attributes.time);
    }
    return sampler_.take_last(end_of(picture));
  }

  [[nodiscard]] double end_of(const Picture& last) const;

  PacketReader packets_;
  FrameSampler sampler_;
  std::unique_ptr<PictureSource> pictures_;
  RgbConverter converter_;
  std::optional<Picture> coming_;
  std::exception_ptr damage_;
  double last_interval_ = 0;
  bool started_ = false;
};

/// Until when the last frame is shown.
double SampledFrames::end_of(const Picture& last) const {
  const double time = last.attributes.time;
  const VideoSpan span = span_of(packets_.stream());
  if (last.duration > 0) return time + static_cast<double>(last.duration) * span.tick;
  if (span.duration && span.start + *span.duration > time) return span.start + *span.duration;
  return time + last_interval_;
}

}  // namespace

std::unique_ptr<FrameReader> open_frame_reader(const std::string& path, const FrameSampling& sampling,
                                               FrameContent content, const VideoHost& host) {
  return std::make_unique<SampledFrames>(path, sampling, content, host);
}

}  // namespace intarsia::libav
