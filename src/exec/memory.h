// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace intarsia {

/// The bytes that the operations of this process may hold together: `memory_limit`. Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::int64_t limit) : limit_(limit) {}

  [[nodiscard]] std::int64_t limit() const { return limit_; }
  [[nodiscard]] std::int64_t used() const { return used_; }
  /// What one batch on its way through the engine may weigh, decoded media included. Few batches are alive at once.
  [[nodiscard]] std::int64_t batch_bytes() const { return std::clamp(limit_ / 16, kLeastBatch, kMostBatch); }
  /// For a forked child: most of those who hold something are not there. What the others have counts once they change
  /// it.
  void forget_holders() {
    used_ = 0;
    ++epoch_;
  }

 private:
  friend class MemoryShare;
  static constexpr std::int64_t kLeastBatch = 1 << 20;
  static constexpr std::int64_t kMostBatch = 256 << 20;

  std::int64_t limit_;
  std::atomic<std::int64_t> used_{0};
  std::atomic<int> epoch_{0};
};

/// What one holder has of the budget, and at most `most`. Given back when it ends.
class MemoryShare {
 public:
  MemoryShare(std::shared_ptr<MemoryBudget> budget, std::int64_t most)
      : budget_(std::move(budget)), most_(most), epoch_(budget_->epoch_) {}
  ~MemoryShare() { resize(0); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  /// False when there is no room: the holder then puts what it has somewhere else.
  [[nodiscard]] bool try_add(std::int64_t bytes) {
    if (bytes_ + bytes > most_) return false;
    resize(bytes_);
    if (budget_->used_.fetch_add(bytes) + bytes > budget_->limit_) {
      budget_->used_ -= bytes;
      return false;
    }
    bytes_ += bytes;
    return true;
  }
  /// For what must be held, room or not.
  void add(std::int64_t bytes) { resize(bytes_ + bytes); }
  void remove(std::int64_t bytes) { resize(bytes_ - bytes); }
  void clear() { resize(0); }

 private:
  void resize(std::int64_t bytes) {
    const bool counted = std::exchange(epoch_, budget_->epoch_) == budget_->epoch_;
    budget_->used_ += bytes - (counted ? bytes_ : 0);
    bytes_ = bytes;
  }

  std::shared_ptr<MemoryBudget> budget_;
  std::int64_t most_;
  std::int64_t bytes_ = 0;
  int epoch_;
};

/// How many rows a batch may have so that it weighs what the budget gives to one, learnt from those before.
class BatchSize {
 public:
  BatchSize(std::int64_t first_rows, std::int64_t most_rows, std::int64_t most_bytes)
      : rows_(std::min(first_rows, most_rows)), most_rows_(most_rows), most_bytes_(most_bytes) {}

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  void learn(std::int64_t rows, std::int64_t bytes) {
    if (rows == 0) return;
    const std::int64_t fitting = std::max<std::int64_t>(1, most_bytes_ / std::max<std::int64_t>(1, bytes / rows));
    rows_ = std::min({fitting, 2 * std::max(rows, rows_), most_rows_});
  }

 private:
  std::int64_t rows_;
  std::int64_t most_rows_;
  std::int64_t most_bytes_;
};

}  // namespace intarsia
