"""Memory of a long epoch: bounded by the budget, and the job goes on."""
import time

from penstock import Playground


def test_what_one_long_epoch_changes_is_bounded_in_memory_and_a_checkpoint_comes_early():
    limit = 64 << 20
    with Playground("--memory-mb", "64", "--barrier-interval-ms", "60000") as server:
        server.sql("""CREATE SOURCE s (id BIGINT, v BIGINT) WITH (connector = 'datagen', fields.id.kind = 'sequence',
                      datagen.rows.per.second = '1000000')""")
        server.sql("CREATE MATERIALIZED VIEW m AS SELECT id, count(*) AS n, sum(v) AS total FROM s GROUP BY id")
        seen = []
        for _ in range(60):
            time.sleep(0.5)
            seen.append(server.sql("SELECT state_bytes, unflushed_bytes FROM penstock_workers")[0])
        assert 0.9 * limit < max(state for state, _ in seen) < 1.25 * limit + (16 << 20)
        # What operators have given out leaves memory long before the interval is over; rows of the last 10 s stay readable.
        assert any(later[1] < 0.9 * earlier[1] for earlier, later in zip(seen, seen[1:]))
        rows, keys = server.sql("SELECT sum(n), count(*) FROM m")[0]
        assert rows == keys and keys > 300_000, "no checkpoint came before its time"
