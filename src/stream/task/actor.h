#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "stream/exchange/mailbox.h"
#include "stream/exchange/outputs.h"
#include "stream/task/actor_input.h"
#include "stream/task/actor_manager.h"
#include "stream/task/actor_signal.h"
#include "stream/task/actor_stats.h"
#include "stream/task/fragment_plan.h"
#include "stream/task/operator_chain.h"

namespace penstock::stream {

class Actor;

/// Who keeps an actor and hears of its end.
class ActorKeeper {
 public:
  virtual ~ActorKeeper() = default;
  /// The actor runs no more, and has let go of its operators and channels. On the thread that ran it last.
  virtual void actor_ended(storage::GraphTerm graph, ActorId actor) = 0;
};

/// One actor: its input, its operators and its outputs, run by the pool when there is something to do.
///
/// A run takes one small step after another, in this order of priority: output that waits for budget, work begun and not finished, the
/// stages of a barrier, the next message, generators. It ends when there is nothing to do, or when its time slice is over.
/// A barrier goes through four stages:
///
///     Running -> Flushing:  every operator's on_barrier, and what it makes, has left the root
///             -> Sending:   new outputs are added; the barrier goes to every output, after all that came before it
///             -> After:     outputs that vanish are removed; the barrier is collected; if it stops the actor, that was all; otherwise
///             every
///                           operator's after_barrier
///             -> Running    with the next message
/// One that takes the place of others (mutation Update) passes its first barrier on before its operators have seen it, because their state
/// is not here yet:
///
///     Running -> Sending -> Awaiting:  collected; the rows come, and are committed
///             -> Beginning:            every operator's init and on_barrier
///             -> After
/// One that finds the operators with nothing to do goes from Running to Sending and back: they hear of it when they next have. And one that
/// comes while the actor sleeps with nothing to do is passed by whoever brings it last, without the actor being run (`pass`).
///
/// It ends by a stopping barrier, by an error (told to the barrier manager first, so that its neighbours' closed channels come later), or
/// because its graph is reset. `request_stop`, `wake_to_stop`, `attach_output` and `status` are thread-safe; everything else belongs
/// to the builder until `start`, then to whoever runs it.
///
/// Shared by the manager that keeps it and the job that runs it.
class Actor final : public Wakeable, private BarrierPasser, public std::enable_shared_from_this<Actor> {
 public:
  /// Where it lives and what it may use; the references outlive it.
  struct Environment {
    runtime::Runtime& runtime;
    storage::StateStore& store;
    DmlRegistry& dml;
    MemoryBudget& memory;
    ActorKeeper& keeper;
  };
  /// `alive` is held until the actor has ended.
  [[nodiscard]] static Result<std::shared_ptr<Actor>> make(const Environment& environment, storage::GraphTerm graph, FragmentPlan fragment,
                                                           const pb::BuildActor& plan, std::shared_ptr<LocalBarrierManager> manager,
                                                           std::shared_ptr<void> alive);
  class Key {
    friend class Actor;
    Key() = default;
  };
  Actor(Key, const Environment& environment, storage::GraphTerm graph, FragmentPlan fragment, const pb::BuildActor& plan,
        std::shared_ptr<LocalBarrierManager> manager, std::shared_ptr<void> alive);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  ~Actor() override;

  using TreeBuilder = std::function<Result<OperatorTree>(const pb::StreamNode&, const ActorContext&)>;
  /// Makes the operators and the outputs; may read the store. `first`: pair of the first barrier.
  [[nodiscard]] Status build(const TreeBuilder& tree, EpochPair first);
  /// The merge that upstream channels deliver to, and the leaf that reads a link. Before `start`.
  [[nodiscard]] Merge& merge() { return input_->merge(); }
  [[nodiscard]] Result<size_t> leaf_of(uint32_t link) const;
  /// Every leaf that reads a link has upstream actors. Errors: `Protocol`.
  [[nodiscard]] Status check_links() const;
  /// Subscribes to barriers and begins to run.
  void start();

  void attach_output(AttachedOutput output);
  /// From now on it only ends, and reports no failure; it does so once it is woken. In two steps, so that none of a graph's actors fails
  /// because its neighbour was stopped a moment earlier.
  void request_stop() { stop_requested_.store(true); }
  void wake_to_stop() { signal_->wake(Wake::Control); }

  [[nodiscard]] const ActorContext& context() const { return context_; }
  /// Before `start`, which lets go of the plan.
  [[nodiscard]] const pb::BuildFragment& fragment_plan() const { return *fragment_; }
  [[nodiscard]] const pb::BuildActor& plan() const { return *plan_; }
  [[nodiscard]] const std::string& job_name() const { return names_->job; }
  /// From any thread.
  [[nodiscard]] ActorStatus status() const;

  void run() override;

 private:
  enum class Stage { Running, Flushing, Sending, After, Awaiting, Beginning };
  enum class Turn { Worked, Wait, Ended };

  // The run loop.
  [[nodiscard]] Turn run_slice();
  [[nodiscard]] Result<Turn> turn();
  [[nodiscard]] Status look_at_wakes();
  [[nodiscard]] Result<Turn> wait(WaitingFor what);
  [[nodiscard]] Result<Turn> wait_for_output();
  void stand_by();
  void catch_up();
  void end();
  void fail(const Error& error);

  // Rows.
  [[nodiscard]] Result<Turn> step_operators();
  void begin_state_read();
  void begin_sleep(runtime::Duration pause);
  [[nodiscard]] Result<Turn> take_input();
  [[nodiscard]] Result<bool> poll_generators();
  void arm_retry_timer();
  void keep_memory_budget();
  [[nodiscard]] bool holds_for_memory();

  // Barriers.
  [[nodiscard]] Result<Turn> next_stage();
  [[nodiscard]] Status begin_barrier(Barrier barrier);
  [[nodiscard]] Status change_outputs();
  [[nodiscard]] Status send_barrier();
  void remove_outputs();
  [[nodiscard]] Turn finish_barrier();
  [[nodiscard]] Result<Turn> await_vnodes();
  [[nodiscard]] Status begin_with_vnodes();
  /// Nothing came in before it, so that the operators need not see it.
  [[nodiscard]] bool leaves_out(const Barrier& barrier);
  /// So many may follow before one must be seen all the same.
  [[nodiscard]] uint32_t barriers_to_leave_out() const;
  [[nodiscard]] bool pass(ActorId self, EpochPair epoch, BarrierKind kind) override;

  // Of the builder.
  std::shared_ptr<const pb::BuildFragment> fragment_;  // shared with its other actors; null after `start`
  const pb::BuildActor* plan_;                         // in `fragment_`

  // Constant after `build`.
  const std::shared_ptr<const FragmentNames> names_;    // shared with the fragment's other actors
  const std::shared_ptr<LocalBarrierManager> manager_;  // shared with the graph's other actors
  const std::shared_ptr<ActorSignal> signal_;           // shared with all that may wake the actor
  const std::shared_ptr<Mailbox> mailbox_;              // shared with the senders
  ActorKeeper& keeper_;
  ActorContext context_;

  // Owned by whoever runs the actor.
  std::shared_ptr<void> alive_;      // shared with the graph, which waits until all of its actors let go
  std::optional<ActorInput> input_;  // these three from `build` to the end; inside, so that a barrier touches little memory
  std::optional<OperatorChain> chain_;
  std::optional<Outputs> outputs_;
  Stage stage_ = Stage::Running;
  std::optional<Barrier> barrier_;   // at work, unless Running
  bool left_out_ = false;            // the operators do not see it
  std::optional<Error> pass_error_;  // of a barrier that was passed while it slept; written under the mailbox's lock
  uint32_t passed_;                  // barriers, begun at a number of the actor's own
  bool begun_ = false;               // the first barrier has passed
  bool awaits_vnodes_;               // the operators have not begun: their state is not here
  bool paused_;                      // generators are not asked
  bool reading_state_ = false;
  std::optional<runtime::TimePoint> asleep_until_;  // an expression asked for it; the operators stand still, barriers too
  runtime::Timer alarm_;
  std::optional<Status> state_read_result_;  // set by the reader, which then wakes the actor
  struct GeneratorState {
    bool due = true;
    std::optional<runtime::TimePoint> retry_at;
  };
  std::vector<GeneratorState> generators_;
  size_t next_generator_ = 0;
  std::optional<runtime::TimePoint> timer_at_;
  runtime::Timer timer_;
  bool evicted_nothing_ = false;  // until the next barrier makes state clean
  ActorStats stats_;

  // What others want of the actor; they wake it with Wake::Control.
  std::atomic<bool> stop_requested_{false};
  Mutex mutex_;
  std::vector<AttachedOutput> attached_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::stream
