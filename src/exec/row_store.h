// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "exec/memory.h"
#include "exec/row_set.h"

namespace intarsia {

/// Batches that an operation puts aside: in memory while the budget has room, then in a file that nobody else can see
/// and that goes away with the process.
class RowStore {
 public:
  /// Keeps at most `most_in_memory` bytes out of the file.
  RowStore(std::filesystem::path folder, std::shared_ptr<MemoryBudget> budget, std::int64_t most_in_memory)
      : folder_(std::move(folder)), share_(std::move(budget), most_in_memory) {}
  ~RowStore();
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;

  /// Its place, counted from 0. Throws Error(kStoreUnavailable) when the file cannot be written.
  std::size_t add(RowSet rows);
  void replace(std::size_t place, RowSet rows);
  [[nodiscard]] RowSet at(std::size_t place) const;
  /// The same, for the last time: its memory is let go.
  RowSet take(std::size_t place);
  [[nodiscard]] std::size_t size() const { return batches_.size(); }
  /// In memory and in the file.
  [[nodiscard]] std::int64_t byte_size() const { return share_.bytes() + file_size_; }

 private:
  struct Stored {
    RowSet rows;
    std::int64_t at = -1;  ///< place in the file; -1: in memory
    std::int64_t length = 0;
  };

  void keep(Stored& stored, RowSet rows);
  void write(Stored& stored, const RowSet& rows);

  std::filesystem::path folder_;
  MemoryShare share_;
  std::int64_t file_size_ = 0;
  int file_ = -1;
  std::vector<Stored> batches_;
};

}  // namespace intarsia
