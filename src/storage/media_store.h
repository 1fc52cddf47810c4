// SPDX-License-Identifier: Apache-2.0
// The files of media cells that the engine made: <root>/<table>/<operation>/<row>_<column>.<extension>. Their path
// tells who wrote them, so what an operation left that never was published is found by listing folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "intarsia/batch.h"

namespace intarsia {

class MediaStore {
 public:
  explicit MediaStore(std::filesystem::path root) : root_(std::move(root)) {}

  /// Writes what cell `row` of a media column holds besides its URL, and gives the file's path: images as JPEG, or as
  /// PNG where JPEG cannot hold them. Throws Error(kStoreUnavailable | kInvalidDataFormat).
  std::string write(const Column& column, std::int64_t row, std::int64_t table_id, std::int64_t operation_id,
                    std::int64_t row_id, std::int64_t column_id) const;
  /// Removes all files that an operation wrote for a table; what is not there is no error.
  void remove_operation(std::int64_t table_id, std::int64_t operation_id) const noexcept;
  /// The same for all tables.
  void remove_operation(std::int64_t operation_id) const noexcept;
  /// Removes all files of a table.
  void remove_table(std::int64_t table_id) const noexcept;

 private:
  [[nodiscard]] std::filesystem::path folder(std::int64_t table_id, std::int64_t operation_id) const;

  std::filesystem::path root_;
};

}  // namespace intarsia
