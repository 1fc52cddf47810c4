// SPDX-License-Identifier: Apache-2.0
#include "media/frame_sampler.h"

#include <cmath>

#include "intarsia/error.h"

namespace intarsia {
namespace {

void check(const FrameSampling& sampling) {
  const int given = int{sampling.fps.has_value()} + int{sampling.num_frames.has_value()} + int{sampling.keyframes_only};
  if (given > 1) {
    throw Error(ErrorCode::kUnsupportedOperation,
                "At most one of `fps`, `num_frames` or `keyframes_only` may be specified");
  }
  if (sampling.fps && !(*sampling.fps > 0 && std::isfinite(*sampling.fps))) {
    throw Error(ErrorCode::kInvalidArgument, "`fps` must be a positive number");
  }
  if (sampling.num_frames && *sampling.num_frames <= 0) {
    throw Error(ErrorCode::kInvalidArgument, "`num_frames` must be a positive number");
  }
}

}  // namespace

FrameSampler::FrameSampler(const FrameSampling& sampling, const VideoSpan& span)
    : num_frames_(sampling.num_frames), tick_(span.tick) {
  check(sampling);
  if (sampling.num_frames) {
    if (!span.duration) {
      throw Error(ErrorCode::kUnsupportedOperation, "`num_frames` needs a video whose file declares its duration");
    }
    step_ = *span.duration / static_cast<double>(*sampling.num_frames);
    first_ = span.start + step_ / 2;
  } else if (sampling.fps) {
    step_ = 1 / *sampling.fps;
    first_ = span.start;
    drops_passed_times_ = true;
  }
}

bool FrameSampler::take(double time, double next) {
  if (step_ == 0) return true;
  const double wanted = wanted_time();
  if (next - wanted < wanted - time) return false;
  ++position_;
  // A time whose nearest frame is this one again has no frame of its own: without dropping it, the frames after a gap
  // would be taken at the full rate of the video. Two ticks of slack keep rounded timestamps from losing frames.
  if (drops_passed_times_) {
    const double middle = (time + next) / 2 - tick_;
    const auto passed = static_cast<std::int64_t>(std::ceil((middle - first_) / step_));
    if (passed > position_) position_ = passed;
  }
  return true;
}

bool FrameSampler::take_last(double end) {
  constexpr double kRounding = 1e-6;
  if (step_ != 0 && wanted_time() >= end - kRounding) return false;
  ++position_;
  return true;
}

bool FrameSampler::done() const {
  return num_frames_ && position_ >= *num_frames_;
}

}  // namespace intarsia
