// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "media/video.h"

namespace intarsia {

/// What sampling needs to know of the video as a whole, in seconds.
struct VideoSpan {
  double start = 0;
  std::optional<double> duration;  ///< as the container declares it
  double tick = 0;                 ///< one unit of the time base
};

/// Decides, frame by frame in presentation order, which frames a FrameSampling takes. Wanted times are a regular grid;
/// a time takes the frame nearest to it (the earlier of two equally near), by presentation time, so that a variable
/// frame rate is sampled evenly.
class FrameSampler {
 public:
  /// Throws Error(kInvalidArgument) for parameters out of range, Error(kUnsupportedOperation) for more than one of
  /// them, or for num_frames where the container declares no duration.
  FrameSampler(const FrameSampling& sampling, const VideoSpan& span);

  /// Whether to take the frame at `time`, followed by one at `next`.
  [[nodiscard]] bool take(double time, double next);
  /// Whether to take the last frame, which is shown until `end`.
  [[nodiscard]] bool take_last(double end);
  /// No further frame will be taken.
  [[nodiscard]] bool done() const;

 private:
  [[nodiscard]] double wanted_time() const { return first_ + static_cast<double>(position_) * step_; }

  std::optional<std::int64_t> num_frames_;
  double first_ = 0;
  double step_ = 0;  // 0: every frame
  double tick_ = 0;
  bool drops_passed_times_ = false;
  std::int64_t position_ = 0;
};

}  // namespace intarsia
