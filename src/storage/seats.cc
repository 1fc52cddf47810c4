// SPDX-License-Identifier: Apache-2.0
#include "storage/seats.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "intarsia/error.h"
#include "telemetry/span.h"

namespace intarsia {

namespace {

constexpr auto kPause = std::chrono::milliseconds(50);  // between two questions whether to go on waiting

}  // namespace

/// Guarded by the mutex of its seats.
class Seats::Seat {
 public:
  explicit Seat(std::shared_ptr<Seats> seats) : seats(std::move(seats)) {}
  const std::shared_ptr<Seats> seats;
  int sessions = 0;
  int away = 0;
  bool taken = false;
  std::atomic<std::uint64_t> span{0};  // of the operation that the thread was in when it asked for its seat last
};

namespace {

/// While this thread shares another one's seat, it works for what that one does.
thread_local std::optional<Span::Adoption> adoption;

/// Of this thread, one for each pool that it has used.
std::vector<Seats::SeatPtr>& own_seats() {
  static thread_local std::vector<Seats::SeatPtr> seats;
  return seats;
}

Seats::SeatPtr& own_seat(Seats& seats) {
  std::vector<Seats::SeatPtr>& own = own_seats();
  const auto found =
      std::find_if(own.begin(), own.end(), [&](const Seats::SeatPtr& seat) { return seat->seats.get() == &seats; });
  return found != own.end() ? *found : own.emplace_back(std::make_shared<Seats::Seat>(seats.shared_from_this()));
}

}  // namespace

Seats::Seats(int count, std::chrono::seconds patience, std::function<void()> check_interrupt)
    : count_(count), patience_(patience), check_interrupt_(std::move(check_interrupt)), after_fork_([this] {
        new (&freed_) std::condition_variable;
        taken_ = 0;
        std::erase_if(own_seats(), [this](const SeatPtr& seat) { return seat->seats.get() == this; });
      }) {}

Seats::SeatPtr Seats::of_this_thread() {
  const SeatPtr seat = own_seat(*this);
  seat->span.store(Span::current_operation(), std::memory_order_relaxed);
  return seat;
}

void Seats::sit_down(Seat& seat) {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  std::unique_lock lock(mutex_.native());
  while (seat.sessions == 0 && taken_ >= count_) {
    if (std::chrono::steady_clock::now() >= deadline)
      throw Error(
          ErrorCode::kDatabaseUnavailable,
          fmt::format("waited {} s for a session of the database, but all {} are in use by other threads of this "
                      "process; raise the setting pool_size, or wait longer with pool_timeout_seconds",
                      patience_.count(), count_));
    freed_.wait_for(lock, kPause);
    if (!check_interrupt_) continue;
    lock.unlock();
    check_interrupt_();
    lock.lock();
  }
  if (++seat.sessions == 1 && seat.away == 0) {
    seat.taken = true;
    ++taken_;
  }
}

void Seats::stand_up(Seat& seat) {
  const std::lock_guard lock(mutex_);
  if (--seat.sessions == 0) leave(seat);
}

void Seats::leave(Seat& seat) {
  if (!std::exchange(seat.taken, false)) return;
  --taken_;
  freed_.notify_one();
}

void Seats::come_back(Seat& seat) {
  if (seat.sessions == 0 || std::exchange(seat.taken, true)) return;
  ++taken_;  // without waiting, so that for a while it may be one too many
}

Seats::Sharing::Sharing(SeatPtr seat) : own_(own_seat(*seat->seats)) {
  adoption.emplace(seat->span.load(std::memory_order_relaxed));
  own_seat(*own_->seats) = std::move(seat);
}

Seats::Sharing::~Sharing() {
  own_seat(*own_->seats) = own_;
  adoption.reset();
}

Seats::Away::Away() {
  for (const SeatPtr& seat : own_seats()) {
    const std::lock_guard lock(seat->seats->mutex_);
    if (seat->away++ == 0) seat->seats->leave(*seat);
  }
}

Seats::Away::~Away() {
  for (const SeatPtr& seat : own_seats()) {
    const std::lock_guard lock(seat->seats->mutex_);
    if (seat->away > 0 && --seat->away == 0) seat->seats->come_back(*seat);
  }
}

}  // namespace intarsia
