"""Progress of a whole search: it never falls, and says about how many plans are left."""

from crshare.planning.search_progress import SearchProgress, part_of_whole

Told = list[tuple[str, float]]


def told(*calls: tuple[str, float], n_plans: int = 3) -> Told:
    said: Told = []
    progress = SearchProgress(lambda what, done: said.append((what, done)), n_plans)
    for call in calls:
        progress(*call)
    return said


def test_plans_are_counted_as_they_begin() -> None:
    calls = [("multiplier 1", 0.0), ("multiplier 1", 0.5), ("multiplier 2", 0.0)]
    assert told(*calls) == [
        ("multiplier 1, plan 1, about 2 left", 0.0),
        ("multiplier 1, plan 1, about 2 left", 0.5 / 3),
        ("multiplier 2, plan 2, about 1 left", 1 / 3),
    ]


def test_a_multiplier_that_is_planned_again_is_another_plan() -> None:
    calls = [("m", 0.0), ("m", 0.9), ("m", 0.0)]
    assert [what for what, _ in told(*calls)][-1] == "m, plan 2, about 1 left"


def test_a_longer_search_than_expected_is_never_done_early() -> None:
    said = told(*((f"m{k}", 0.0) for k in range(6)))
    assert said[-1] == ("m5, last plan", 5 / 6)
    assert all(done < 1 for _, done in said)


def test_workers_begin_several_plans() -> None:
    assert told(("2 plans by 4 workers", 0.0))[0][0] == "2 plans by 4 workers, plan 2, about 1 left"


def test_a_stage_is_a_part_of_the_whole() -> None:
    said: Told = []
    stage = part_of_whole(lambda what, done: said.append((what, done)), 0.5, 0.75)
    for done in (0.0, 0.5, 1.0, 2.0):
        stage("x", done)
    assert [done for _, done in said] == [0.5, 0.625, 0.75, 0.75]
