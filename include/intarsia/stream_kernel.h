// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "intarsia/batch.h"
#include "intarsia/function.h"

namespace intarsia {

/// Gets the results of some rows of a batch, one for each of `rows`.
using TakeResults = std::function<void(std::span<const std::int64_t> rows, const Column& results)>;

/// A kernel with many calls in flight: it hands results over as they come, in any order, on the thread that called it.
/// `function.kernel = StreamKernel(...)` works as any kernel; who looks with `of` gets results before all are there.
class StreamKernel {
 public:
  using Stream = std::function<void(std::span<const Column> args, std::int64_t rows, const TakeResults& take)>;

  explicit StreamKernel(Stream stream) : stream_(std::move(stream)) {}
  /// nullptr: an ordinary kernel.
  [[nodiscard]] static const StreamKernel* of(const Kernel& kernel) { return kernel.target<StreamKernel>(); }

  void operator()(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) const;
  /// The results of all rows in order; `take` gets them before, as they come.
  [[nodiscard]] Column run(std::span<const Column> args, std::int64_t rows, const Type& type,
                           const TakeResults& take) const;

 private:
  Stream stream_;
};

}  // namespace intarsia
