from fitwright.catalog import store
from fitwright.sizing import parameters


def test_every_model_has_what_a_comparison_needs():
    specs = store.load_all()
    assert len(specs) == 330
    assert len({spec.id for spec in specs}) == 330
    for spec in specs:
        assert spec.parameters > 0
        assert spec.architecture
        assert all(isinstance(size, int) for size in spec.dims.values())
        embedding = spec.embedding_parameters
        assert embedding is None or 0 < embedding < spec.parameters


def test_a_count_that_the_library_ties_is_the_checkpoints():
    spec = store.load("google/t5-v1_1-small")
    assert spec.parameters == 76_961_152
    assert spec.warning


def test_an_unconfirmed_source_is_not_passed_on_as_one():
    for spec in store.load_all():
        assert not any("unconfirmed" in source for source in spec.sources)
    assert store.is_confirmed("README of the repository")
    assert not store.is_confirmed("unconfirmed (model card)")
    assert not store.is_confirmed(None)


def test_every_alias_points_at_a_model_and_shadows_no_id():
    ids = set(store.ids())
    short = {model_id.rpartition("/")[2].lower() for model_id in ids}
    for alias, model_id in store.aliases().items():
        assert model_id in ids
        assert alias == alias.lower()
        assert alias not in short


def test_towers_of_a_multimodal_model_keep_their_sizes():
    dims = store.load("openai/clip-vit-base-patch32").dims
    assert dims["text_layers"] == 12
    assert dims["vision_hidden"] == 768


def test_active_parameters_of_a_mixture_of_experts():
    active = parameters.count(store.load("mistralai/Mixtral-8x7B-v0.1")).active
    assert active is not None
    assert abs(active.value - 12.9e9) < 0.1e9  # the paper's own figure
    assert parameters.count(store.load("google-bert/bert-base-uncased")).active is None
