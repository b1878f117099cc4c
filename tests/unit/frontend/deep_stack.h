#pragma once

#include <pthread.h>

#include <functional>

#include "common/check.h"

namespace penstock::testing {

/// Runs `work` to its end on a thread with the stack of a SQL session (64 MB, as Runtime::spawn_thread gives).
inline void on_deep_stack(std::function<void()> work) {
  pthread_attr_t attributes;
  PENSTOCK_CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 64 << 20) == 0);
  pthread_t thread;
  const auto run = [](void* job) -> void* {
    (*static_cast<std::function<void()>*>(job))();
    return nullptr;
  };
  PENSTOCK_CHECK(pthread_create(&thread, &attributes, run, &work) == 0);
  pthread_attr_destroy(&attributes);
  pthread_join(thread, nullptr);
}

}  // namespace penstock::testing
