// SPDX-License-Identifier: Apache-2.0
#include "storage/fork.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace intarsia {

namespace {

struct Participants {
  std::mutex mutex;
  std::vector<ForkParticipant*> all;

  /// All or none, again and again: whoever holds one of them may want another one.
  bool try_hold_all() {
    const auto refusing = std::find_if_not(all.begin(), all.end(), [](ForkParticipant* p) { return p->try_hold(); });
    if (refusing == all.end()) return true;
    std::for_each(all.begin(), refusing, [](ForkParticipant* p) { p->let_go(); });
    return false;
  }
};

Participants& participants() {
  static Participants* const instance = new Participants;  // outlives the static objects that are in it
  return *instance;
}

void before_fork() {
  Participants& participants = intarsia::participants();
  participants.mutex.lock();
  while (!participants.try_hold_all()) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

void in_parent() {
  Participants& participants = intarsia::participants();
  for (ForkParticipant* participant : participants.all) participant->let_go();
  participants.mutex.unlock();
}

void in_child() {
  Participants& participants = intarsia::participants();
  new (&participants.mutex) std::mutex;
  for (ForkParticipant* participant : participants.all) participant->renew();
  const std::vector<ForkParticipant*> all = participants.all;
  for (ForkParticipant* participant : all) participant->after_fork();
}

}  // namespace

ForkParticipant::ForkParticipant() {
  static const int registered = pthread_atfork(before_fork, in_parent, in_child);
  static_cast<void>(registered);
  Participants& participants = intarsia::participants();
  const std::lock_guard lock(participants.mutex);
  participants.all.push_back(this);
}

ForkParticipant::~ForkParticipant() {
  Participants& participants = intarsia::participants();
  const std::lock_guard lock(participants.mutex);
  std::erase(participants.all, this);
}

}  // namespace intarsia
