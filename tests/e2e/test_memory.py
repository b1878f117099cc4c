"""Memory of a long epoch: bounded by the budget, and the job goes on."""
import time

from penstock import Playground


def test_what_one_long_epoch_changes_is_bounded_in_memory_and_a_checkpoint_comes_early():
    limit = 64 << 20
    with Playground("--memory-mb", "64", "--barrier-interval-ms", "60000") as server:
        server.sql("""CREATE SOURCE s (id BIGINT, v BIGINT) WITH (connector = 'datagen', fields.id.kind = 'sequence',
                      datagen.rows.per.second = '1000000')""")
        server.sql("CREATE MATERIALIZED VIEW m AS SELECT id, count(*) AS n, sum(v) AS total FROM s GROUP BY id")
        state, unflushed = 0, 0
        for _ in range(60):
            time.sleep(0.5)
            now = server.sql("SELECT state_bytes, unflushed_bytes FROM penstock_workers")[0]
            state, unflushed = max(state, now[0]), max(unflushed, now[1])
        assert 0.9 * limit < state < 1.25 * limit + (16 << 20)
        assert unflushed < 2 << 30  # versions of the last 10 s stay readable; without checkpoints it would be 3 GB by now
        rows, keys = server.sql("SELECT sum(n), count(*) FROM m")[0]
        assert rows == keys and keys > 300_000, "no checkpoint came before its time"
