// SPDX-License-Identifier: Apache-2.0
#include "telemetry/function_counters.h"

#include <pthread.h>

#include <map>
#include <mutex>
#include <string>

namespace intarsia {

namespace {

constexpr std::int64_t kWorthSaving = 250'000'000;  // nanoseconds of calls; to save them takes about 1 ms

struct Entry {
  FunctionCounters now;
  FunctionStats saved;
};

struct Entries {
  std::mutex mutex;       // of the map; never held while something waits
  std::mutex save_mutex;  // one saves at a time
  std::map<std::string, Entry, std::less<>> by_name;
  std::atomic<std::int64_t> unsaved_nanoseconds{0};
};

Entries& entries() {
  static auto* const all = [] {
    auto* const made = new Entries();  // used until the process ends
    pthread_atfork([] { entries().mutex.lock(); }, [] { entries().mutex.unlock(); },
                   [] {  // what the parent counted is the parent's
                     for (auto& [name, entry] : entries().by_name) {
                       entry.now.calls = entry.now.nanoseconds = entry.now.retries = 0;
                       entry.now.errors = entry.now.cache_hits = 0;
                       entry.saved = FunctionStats();
                     }
                     entries().unsaved_nanoseconds = 0;
                     new (&entries().save_mutex) std::mutex();  // a thread that is not here may have held it
                     entries().mutex.unlock();
                   });
    return made;
  }();
  return *all;
}

FunctionStats current(const std::string& name, const FunctionCounters& counters) {
  return {name,
          counters.calls,
          static_cast<double>(counters.nanoseconds) / 1e9,
          counters.retries,
          counters.errors,
          counters.cache_hits};
}

FunctionStats difference(const FunctionStats& now, const FunctionStats& before) {
  return {now.function,
          now.calls - before.calls,
          now.seconds - before.seconds,
          now.retries - before.retries,
          now.errors - before.errors,
          now.cache_hits - before.cache_hits};
}

bool is_nothing(const FunctionStats& stats) {
  return stats.calls == 0 && stats.retries == 0 && stats.cache_hits == 0;
}

}  // namespace

FunctionCounters& function_counters(std::string_view function) {
  Entries& all = entries();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_name.find(function);
  return found != all.by_name.end() ? found->second.now
                                    : all.by_name.try_emplace(std::string(function)).first->second.now;
}

MeasuredCall::~MeasuredCall() {
  const auto took = std::chrono::steady_clock::now() - begin_;
  const std::int64_t nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(took).count();
  counters_.calls += rows_;
  counters_.nanoseconds += nanoseconds;
  entries().unsaved_nanoseconds += nanoseconds;
}

std::vector<FunctionStats> function_stats() {
  Entries& all = entries();
  const std::lock_guard lock(all.mutex);
  std::vector<FunctionStats> stats;
  for (const auto& [name, entry] : all.by_name) stats.push_back(current(name, entry.now));
  std::erase_if(stats, is_nothing);
  return stats;
}

void count_retry(std::string_view function, std::int64_t retries) {
  function_counters(function).retries += retries;
}

bool function_stats_are_due() {
  return entries().unsaved_nanoseconds > kWorthSaving;
}

void save_function_stats(const std::function<void(const std::vector<FunctionStats>& news)>& save) {
  Entries& all = entries();
  const std::lock_guard saving(all.save_mutex);
  all.unsaved_nanoseconds = 0;
  const std::vector<FunctionStats> now = function_stats();
  std::vector<FunctionStats> news;
  {
    const std::lock_guard lock(all.mutex);
    for (const FunctionStats& stats : now) {
      FunctionStats more = difference(stats, all.by_name.find(stats.function)->second.saved);
      if (!is_nothing(more)) news.push_back(std::move(more));
    }
  }
  if (news.empty()) return;
  save(news);
  const std::lock_guard lock(all.mutex);
  for (const FunctionStats& stats : now) all.by_name.find(stats.function)->second.saved = stats;
}

}  // namespace intarsia
