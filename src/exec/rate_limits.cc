// SPDX-License-Identifier: Apache-2.0
// A pool's row in the SQL table `rate_limits` has the time at which its next request may begin, and the time at which
// the tokens given out so far are refilled (GCRA without bursts). Who wants to call takes the times of some calls at
// once in a short transaction and then waits without one. All times are the server's clock; what leaves the server are
// differences. Calls in flight are numbered slots, each an advisory lock of a session: those of a process that died are
// free at once.
#include "intarsia/rate_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <numeric>

#include "exec/engine.h"
#include "intarsia/database.h"
#include "intarsia/error.h"

namespace intarsia {

namespace {

constexpr std::int64_t kSlotClass = 0x1f115;  // of advisory locks: a call in flight
constexpr std::int64_t kPartClass = 0x1f116;  // a process that makes calls of a pool
constexpr std::int64_t kMostSlots = 1024;
constexpr double kMicroseconds = 1e6;

void check(const RateLimit& limit) {
  const auto refuse = [&](const char* name, double value) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("set rate limit of pool '{}': {} is more than 0, got {}", limit.pool, name, value));
  };
  if (limit.requests_per_minute.value_or(1) <= 0) refuse("requests_per_minute", *limit.requests_per_minute);
  if (limit.tokens_per_minute.value_or(1) <= 0) refuse("tokens_per_minute", *limit.tokens_per_minute);
  const std::int64_t slots = limit.calls_in_flight.value_or(1);
  if (slots < 1 || slots > kMostSlots)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("set rate limit of pool '{}': calls_in_flight is from 1 to {}, got {}", limit.pool,
                            kMostSlots, slots));
}

std::optional<double> positive(const SqlRows& rows, int row, int column) {
  if (rows.is_null(row, column)) return std::nullopt;
  return static_cast<double>(rows.int_at(row, column)) / kMicroseconds;
}

/// Seconds between two units of which there are so many a minute.
double interval(double per_minute) {
  return per_minute > 0 ? 60 / per_minute : 0;
}

// $1 pool, $2 requests, $3 tokens.
constexpr const char* kTake = R"sql(
update rate_limits set
  next_request = greatest(next_request, clock_timestamp()) + case when requests_per_minute is not null
    then make_interval(secs => $2 * 60 / requests_per_minute) else interval '0' end,
  next_token = greatest(next_token, clock_timestamp()) + case when tokens_per_minute is not null
    then make_interval(secs => $3 * 60 / tokens_per_minute) else interval '0' end
where pool = $1 and (paused_until is null or paused_until <= clock_timestamp())
returning (extract(epoch from next_request - clock_timestamp()) * 1e6)::bigint,
  (extract(epoch from next_token - clock_timestamp()) * 1e6)::bigint,
  (coalesce(requests_per_minute, 0) * 1e6)::bigint, (coalesce(tokens_per_minute, 0) * 1e6)::bigint)sql";

/// When each call may begin: when its request may, and when the tokens of those before it are there again.
CallPermits permits(const SqlRows& row, std::span<const double> tokens) {
  const auto seconds = [&](int column) { return static_cast<double>(row.int_at(0, column)) / kMicroseconds; };
  const double request_interval = interval(seconds(2));
  const double token_interval = interval(seconds(3));
  const double all_tokens = std::accumulate(tokens.begin(), tokens.end(), 0.0);
  double request = seconds(0) - request_interval * static_cast<double>(tokens.size());
  double token = seconds(1) - token_interval * all_tokens;
  CallPermits permits;
  permits.has_rate = request_interval > 0 || token_interval > 0;
  for (const double some : tokens) {
    permits.delays.push_back(std::max({request, token, 0.0}));
    request += request_interval;
    token += some * token_interval;
  }
  return permits;
}

/// Slots that this process holds.
struct Slots {
  std::int64_t id = 0;             // of the pool
  std::vector<std::int64_t> keys;  // of the advisory locks
};

/// What a pool's row says.
struct Limits {
  std::int64_t id = 0;
  std::int64_t slots = 0;
  double paused_seconds = 0;
};

Limits limits_of(Connection& connection, const std::string& pool) {
  SqlParameters name;
  name.add(std::string_view(pool));
  constexpr const char* kSelect =
      "select id::bigint, calls_in_flight::bigint, (greatest(0, extract(epoch from paused_until - clock_timestamp())) "
      "* "
      "1e6)::bigint from rate_limits where pool = $1";
  SqlRows rows = connection.query(kSelect, name);
  if (rows.size() == 0) {
    connection.query("insert into rate_limits (pool) values ($1) on conflict do nothing", name);
    rows = connection.query(kSelect, name);
  }
  return {rows.int_at(0, 0), rows.is_null(0, 1) ? 0 : rows.int_at(0, 1), positive(rows, 0, 2).value_or(0)};
}

}  // namespace

class RateLimits::State {
 public:
  explicit State(std::shared_ptr<Engine> engine) : engine_(std::move(engine)), after_fork_([this] { renew(); }) {}

  [[nodiscard]] Pool::Lease connect();
  std::int64_t take_slots(const std::string& pool, const Limits& limits, std::int64_t wanted);
  void give_back(const std::string& pool, std::int64_t calls);

 private:
  Connection& slots_session();
  void renew();

  std::shared_ptr<Engine> engine_;
  std::atomic<bool> configured_{false};
  std::mutex mutex_;                    // of what follows; held while the server is asked
  Pool::Lease session_;                 // holds the advisory locks
  std::map<std::string, Slots> slots_;  // by pool
  AfterFork after_fork_;
};

RateLimits::RateLimits(const Database& database) : state_(std::make_shared<State>(database.engine())) {}

namespace {

void write(Connection& connection, const RateLimit& limit) {
  check(limit);
  const auto add_number = [](SqlParameters& parameters, bool given, double value) {
    constexpr std::uint32_t kFloat8 = 701;
    if (given)
      parameters.add(value);
    else
      parameters.add_null(kFloat8);
  };
  SqlParameters parameters;
  parameters.add(std::string_view(limit.pool));
  add_number(parameters, limit.requests_per_minute.has_value(), limit.requests_per_minute.value_or(0));
  add_number(parameters, limit.tokens_per_minute.has_value(), limit.tokens_per_minute.value_or(0));
  add_number(parameters, limit.calls_in_flight.has_value(), static_cast<double>(limit.calls_in_flight.value_or(0)));
  // What was given out under the old pace does not hold up a new one.
  connection.query(
      "insert into rate_limits as r (pool, requests_per_minute, tokens_per_minute, calls_in_flight) "
      "values ($1, $2, $3, $4) on conflict (pool) do update set requests_per_minute = $2, tokens_per_minute = $3, "
      "calls_in_flight = $4, next_request = default, next_token = default where (r.requests_per_minute, "
      "r.tokens_per_minute, r.calls_in_flight) is distinct from (excluded.requests_per_minute, "
      "excluded.tokens_per_minute, excluded.calls_in_flight)",
      parameters);
}

}  // namespace

// The limits of the configuration are those of the instance from the first time that a process with them asks for any.
Pool::Lease RateLimits::State::connect() {
  Pool::Lease connection = engine_->connect();
  if (configured_.exchange(true)) return connection;
  try {
    for (const RateLimit& limit : engine_->config().rate_limits) write(*connection, limit);
  } catch (...) {
    configured_ = false;
    throw;
  }
  return connection;
}

void RateLimits::set(const RateLimit& limit) {
  write(*state_->connect(), limit);
}

std::vector<RateLimit> RateLimits::list() {
  const SqlRows rows = state_->connect()->query(
      "select pool, (requests_per_minute * 1e6)::bigint, (tokens_per_minute * 1e6)::bigint, calls_in_flight::bigint, "
      "(greatest(0, extract(epoch from paused_until - clock_timestamp())) * 1e6)::bigint from rate_limits order by "
      "pool");
  std::vector<RateLimit> limits;
  for (int row = 0; row < rows.size(); ++row) {
    RateLimit& limit = limits.emplace_back();
    limit.pool = rows.text_at(row, 0);
    limit.requests_per_minute = positive(rows, row, 1);
    limit.tokens_per_minute = positive(rows, row, 2);
    if (!rows.is_null(row, 3)) limit.calls_in_flight = rows.int_at(row, 3);
    limit.paused_seconds = positive(rows, row, 4).value_or(0);
  }
  return limits;
}

CallPermits RateLimits::take(const std::string& pool, std::span<const double> tokens) {
  const Pool::Lease connection = state_->connect();
  const Limits limits = limits_of(*connection, pool);
  if (limits.paused_seconds > 0) return {{}, limits.paused_seconds, false, limits.slots > 0};
  if (limits.slots > 0) {
    const std::int64_t some = state_->take_slots(pool, limits, static_cast<std::int64_t>(tokens.size()));
    if (some == 0) return {{}, 0, false, true};
    tokens = tokens.first(static_cast<std::size_t>(some));
  }
  SqlParameters parameters;
  parameters.add(std::string_view(pool))
      .add(static_cast<double>(tokens.size()))
      .add(std::accumulate(tokens.begin(), tokens.end(), 0.0));
  // What a crash of the server makes of the last pace is made good by a retry; so no commit waits for the disk.
  const std::vector<SqlRows> answers =
      connection->pipeline({{"begin"}, {"set local synchronous_commit = off"}, {kTake, parameters}, {"commit"}});
  CallPermits taken;
  if (answers[2].size() > 0)
    taken = permits(answers[2], tokens);
  else if (limits.slots > 0)
    state_->give_back(pool, static_cast<std::int64_t>(tokens.size()));
  taken.has_slots = limits.slots > 0;
  return taken;
}

void RateLimits::pause(const std::string& pool, double seconds) {
  const Pool::Lease connection = state_->connect();
  limits_of(*connection, pool);
  SqlParameters parameters;
  parameters.add(std::string_view(pool)).add(seconds);
  connection->query(
      "update rate_limits set paused_until = greatest(paused_until, clock_timestamp() + make_interval(secs => $2)) "
      "where pool = $1",
      parameters);
}

void RateLimits::give_back(const std::string& pool, std::int64_t calls) {
  state_->give_back(pool, calls);
}

/// In a forked child: the session and its locks are the parent's, where another thread may have been at work with them.
void RateLimits::State::renew() {
  new (&mutex_) std::mutex;
  new (&session_) Pool::Lease;
  new (&slots_) std::map<std::string, Slots>;
}

Connection& RateLimits::State::slots_session() {
  if (session_ != nullptr && !session_->still_there()) {
    session_.reset();
    slots_.clear();  // the server has freed them
  }
  if (session_ == nullptr) session_ = engine_->pool().take_aside();
  return *session_;
}

std::int64_t RateLimits::State::take_slots(const std::string& pool, const Limits& limits, std::int64_t wanted) {
  const std::lock_guard lock(mutex_);
  Connection& session = slots_session();
  Slots& own = slots_[pool];
  if (own.id == 0) {
    SqlParameters part;
    part.add(kPartClass).add(limits.id);
    session.query("select pg_advisory_lock_shared($1::bigint::int, $2::bigint::int)", part);
    own.id = limits.id;
  }
  // Nobody holds more than an equal share. The session could lock its own slots again: `case` asks for others only,
  // whatever the planner holds for cheaper.
  SqlParameters parameters;
  parameters.add((kSlotClass << 40) + limits.id * kMostSlots)
      .add(limits.slots)
      .add_array(own.keys)
      .add(wanted)
      .add(kPartClass)
      .add(limits.id);
  const SqlRows rows = session.query(
      "with part as materialized (select count(*) as holders from pg_locks where locktype = 'advisory' and objsubid = "
      "2 "
      "and classid = $5 and objid = $6 and granted and database = (select oid from pg_database where datname = "
      "current_database())) select slot from generate_series($1, $1 + $2 - 1) as slot where case when slot <> all ($3) "
      "then "
      "pg_try_advisory_lock(slot) else false end limit greatest(0, least($4, (select ceil($2::float8 / greatest(1, "
      "holders))::bigint "
      "from part) - cardinality($3)))",
      parameters);
  for (int row = 0; row < rows.size(); ++row) own.keys.push_back(rows.int_at(row, 0));
  return rows.size();
}

void RateLimits::State::give_back(const std::string& pool, std::int64_t calls) {
  const std::lock_guard lock(mutex_);
  Connection& session = slots_session();
  const auto held = slots_.find(pool);
  if (held == slots_.end()) return;
  std::vector<std::int64_t>& own = held->second.keys;
  const auto kept = std::max<std::int64_t>(0, static_cast<std::int64_t>(own.size()) - calls);
  const std::vector<std::int64_t> ended(own.begin() + kept, own.end());
  own.resize(static_cast<std::size_t>(kept));
  SqlParameters keys;
  keys.add_array(ended);
  session.query("select pg_advisory_unlock(slot) from unnest($1::bigint[]) as slot", keys);
  if (!own.empty()) return;
  SqlParameters part;  // takes part no more: the others have its share
  part.add(kPartClass).add(held->second.id);
  session.query("select pg_advisory_unlock_shared($1::bigint::int, $2::bigint::int)", part);
  slots_.erase(held);
  if (slots_.empty()) session_.reset();
}

}  // namespace intarsia
