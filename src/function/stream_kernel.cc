// SPDX-License-Identifier: Apache-2.0
#include "intarsia/stream_kernel.h"

#include <fmt/format.h>

#include <vector>

#include "intarsia/error.h"

namespace intarsia {

Column StreamKernel::run(std::span<const Column> args, std::int64_t rows, const Type& type,
                         const TakeResults& take) const {
  std::vector<Column> parts;
  std::vector<std::int64_t> places(static_cast<std::size_t>(rows), -1);  // in the parts, one after the other
  std::int64_t length = 0;
  stream_(args, rows, [&](std::span<const std::int64_t> done, const Column& results) {
    for (const std::int64_t row : done) places.at(static_cast<std::size_t>(row)) = length++;
    parts.push_back(results.with_type(type));
    if (take) take(done, parts.back());
  });
  if (length != rows)
    throw Error(ErrorCode::kInternal, fmt::format("a stream gave {} results for {} rows", length, rows));
  if (parts.empty()) return ColumnBuilder(type).finish();
  return Column::concat(parts).take(places);
}

void StreamKernel::operator()(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) const {
  const Column results = run(args, rows, out.type(), nullptr);
  for (std::int64_t row = 0; row < rows; ++row) out.append_cell(results, row);
}

}  // namespace intarsia
