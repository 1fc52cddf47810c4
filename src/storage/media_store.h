// SPDX-License-Identifier: Apache-2.0
// The files of media cells that the engine made: <root>/<table>/<operation>/<row>_<column>.<extension>. Their path
// tells who wrote them, so what an operation left that never was published is found by listing folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "intarsia/batch.h"
#include "storage/fork.h"

namespace intarsia {

/// Thread-safe.
class MediaStore {
 public:
  explicit MediaStore(std::filesystem::path root)
      : root_(std::move(root)), volatile_files_(std::make_unique<VolatileFiles>()) {}

  /// Writes what cell `row` of a media column holds besides its URL, and gives the file's path: images as JPEG, or as
  /// PNG where JPEG cannot hold them. Throws Error(kStoreUnavailable | kInvalidDataFormat).
  std::string write(const Column& column, std::int64_t row, std::int64_t table_id, std::int64_t operation_id,
                    std::int64_t row_id, std::int64_t column_id) const;
  /// Afterwards what the operation has written so far is there after a power cut, too. Before each commit that names
  /// its files, and outside of locks: it waits for the disk. Throws Error(kStoreUnavailable).
  void make_durable(std::int64_t operation_id) const;
  /// Removes all files that an operation wrote for a table; what is not there is no error.
  void remove_operation(std::int64_t table_id, std::int64_t operation_id) const noexcept;
  /// The same for all tables.
  void remove_operation(std::int64_t operation_id) const noexcept;
  /// Calls `visit` with the name of each file that an operation wrote for a table.
  void for_each_file(std::int64_t table_id, std::int64_t operation_id,
                     const std::function<void(const std::string&)>& visit) const;
  void remove_file(std::int64_t table_id, std::int64_t operation_id, const std::string& name) const noexcept;
  /// Removes all files of a table.
  void remove_table(std::int64_t table_id) const noexcept;

 private:
  /// Files that operations wrote and that may only be in memory yet. Beyond a few, only that there are many.
  struct VolatileFiles {
    ForkMutex<> mutex;
    std::map<std::int64_t, std::vector<std::filesystem::path>> by_operation;
  };

  void forget(std::int64_t operation_id) const noexcept;
  [[nodiscard]] std::filesystem::path folder(std::int64_t table_id, std::int64_t operation_id) const;

  std::filesystem::path root_;
  std::unique_ptr<VolatileFiles> volatile_files_;
};

}  // namespace intarsia
