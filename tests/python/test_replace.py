"""Models of other libraries, random and tiny, with attention replaced. Each is skipped where its library is absent."""
import copy
import inspect

import pytest

torch = pytest.importorskip("torch")

import pyllsa  # noqa: E402


def dit():
    d = pytest.importorskip("diffusers")
    model = d.DiTTransformer2DModel(num_attention_heads=2, attention_head_dim=8, in_channels=4, num_layers=2, sample_size=32,
                                    patch_size=2, num_embeds_ada_norm=1000, norm_num_groups=1)
    model.transformer_blocks[0].norm1.emb.class_embedder.dropout_prob = 0
    model.transformer_blocks[1].norm1.emb.class_embedder.dropout_prob = 0
    run = lambda m: m(torch.randn(1, 4, 32, 32, generator=seeded()), timestep=torch.tensor([5]),
                      class_labels=torch.tensor([3])).sample
    return model, run, (16, 16), 2


def pixart():
    d = pytest.importorskip("diffusers")
    model = d.PixArtTransformer2DModel(num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=2,
                                       cross_attention_dim=16, sample_size=32, patch_size=2, caption_channels=12,
                                       use_additional_conditions=False, norm_num_groups=1)
    g = seeded()
    x, text = torch.randn(1, 4, 32, 32, generator=g), torch.randn(1, 5, 12, generator=g)
    run = lambda m: m(x, encoder_hidden_states=text, timestep=torch.tensor([5]),
                      added_cond_kwargs={"resolution": None, "aspect_ratio": None}).sample
    return model, run, (16, 16), 2


def sd3():
    d = pytest.importorskip("diffusers")
    model = d.SD3Transformer2DModel(sample_size=32, patch_size=2, in_channels=4, num_layers=2, attention_head_dim=8,
                                    num_attention_heads=2, joint_attention_dim=12, caption_projection_dim=16,
                                    pooled_projection_dim=10, out_channels=4, pos_embed_max_size=32)
    g = seeded()
    x, text, pooled = torch.randn(1, 4, 32, 32, generator=g), torch.randn(1, 7, 12, generator=g), torch.randn(1, 10, generator=g)
    run = lambda m: m(x, encoder_hidden_states=text, pooled_projections=pooled, timestep=torch.tensor([5])).sample
    return model, run, (16, 16), 2


def flux():
    d = pytest.importorskip("diffusers")
    model = d.FluxTransformer2DModel(patch_size=1, in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16,
                                     num_attention_heads=2, joint_attention_dim=12, pooled_projection_dim=10,
                                     axes_dims_rope=(4, 6, 6))
    g = seeded()
    x, text, pooled = torch.randn(1, 256, 4, generator=g), torch.randn(1, 7, 12, generator=g), torch.randn(1, 10, generator=g)
    ids = torch.zeros(256, 3)
    ids[:, 1], ids[:, 2] = torch.arange(256) // 16, torch.arange(256) % 16
    run = lambda m: m(hidden_states=x, encoder_hidden_states=text, pooled_projections=pooled, timestep=torch.tensor([0.5]),
                      img_ids=ids, txt_ids=torch.zeros(7, 3)).sample
    return model, run, (16, 16), 2


def wan():
    d = pytest.importorskip("diffusers")
    model = d.WanTransformer3DModel(patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=4,
                                    out_channels=4, text_dim=12, freq_dim=16, ffn_dim=32, num_layers=2, rope_max_seq_len=32)
    g = seeded()
    x, text = torch.randn(1, 4, 4, 16, 16, generator=g), torch.randn(1, 7, 12, generator=g)
    return model, lambda m: m(x, timestep=torch.tensor([5]), encoder_hidden_states=text).sample, (4, 8, 8), 2


def qwen_image():
    d = pytest.importorskip("diffusers")
    model = d.QwenImageTransformer2DModel(patch_size=2, in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16,
                                          num_attention_heads=2, joint_attention_dim=12, axes_dims_rope=(4, 6, 6))
    g = seeded()
    x, text = torch.randn(1, 256, 16, generator=g), torch.randn(1, 7, 12, generator=g)
    lengths = {"txt_seq_lens": [7]} if "txt_seq_lens" in inspect.signature(model.forward).parameters else {}
    run = lambda m: m(hidden_states=x, encoder_hidden_states=text, encoder_hidden_states_mask=None,
                      timestep=torch.tensor([0.5]), img_shapes=[[(1, 16, 16)]], **lengths).sample
    return model, run, (16, 16), 2


def vit():
    t = pytest.importorskip("transformers")
    config = t.ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32,
                         patch_size=2, attn_implementation="sdpa")
    x = torch.randn(1, 3, 32, 32, generator=seeded())
    return t.ViTModel(config), lambda m: m(x).last_hidden_state, None, 2


def timm_vit():
    t = pytest.importorskip("timm")
    model = t.models.vision_transformer.VisionTransformer(img_size=32, patch_size=2, embed_dim=16, depth=2, num_heads=2,
                                                          num_classes=3, class_token=False, global_pool="avg")
    x = torch.randn(1, 3, 32, 32, generator=seeded())
    return model, lambda m: m(x), (16, 16), 2


def encoder():
    layer = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0, batch_first=True)
    x = torch.randn(1, 256, 16, generator=seeded())
    return torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), lambda m: m(x), (16, 16), 2


def seeded():
    return torch.Generator().manual_seed(7)


MODELS = [dit, pixart, sd3, flux, wan, qwen_image, vit, timm_vit, encoder]


def randomised(model):
    """Zero-initialised layers would hide everything behind them."""
    for p in model.parameters():
        if float(p.detach().abs().max()) == 0:
            torch.nn.init.normal_(p, std=0.1)
    return model


@pytest.mark.parametrize("make", MODELS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_dense_replacement_is_the_models_own_attention(make, training):
    model, run, _, _ = make()
    randomised(model).train(training)
    with torch.no_grad():
        want = run(model)
        with pyllsa.replace(model, levels=0, min_tokens=0) as replaced:
            got = run(model)
        after = run(model)
    assert replaced.calls >= 2, str(replaced)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-4 * float(want.abs().max()))
    assert torch.equal(after, want)


@pytest.mark.parametrize("make", MODELS, ids=lambda m: m.__name__)
def test_a_sparse_replacement_trains(make):
    model, run, grid, layers = make()
    randomised(model).train()
    target = torch.randn(run(model).shape, generator=seeded())
    dense = run(model).detach()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    with pyllsa.replace(model, grid=grid, levels=1, top_k=2, block_size=8, min_tokens=0) as replaced:
        sparse = run(model).detach()
        for _ in range(4):
            loss = torch.nn.functional.mse_loss(run(model), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert replaced.calls == 5 * layers
    assert not torch.allclose(sparse, dense, atol=1e-6)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert losses[-1] < losses[0]


def test_the_report_says_what_stays_dense_and_why():
    model, run, grid, _ = pixart()
    with pyllsa.replace(model, grid=grid, levels=1, min_tokens=0) as replaced:
        run(model)
    kinds = {e.name: e for e in replaced.entries}
    assert kinds["transformer_blocks.0.attn1"].replaced and kinds["transformer_blocks.0.attn1"].calls == 1
    assert not kinds["transformer_blocks.0.attn2"].replaced
    assert "transformer_blocks.0.attn2 (diffusers Attention): stays dense: cross-attention" in str(replaced)


def test_few_tokens_and_other_grids_stay_dense():
    model, run, _, _ = encoder()
    want = run(model)
    for options, reason in [(dict(min_tokens=257), "fewer than 257 tokens"),
                            (dict(min_tokens=0, grid=(8, 8)), "not the 64 tokens of the grid")]:
        with pyllsa.replace(model, levels=1, **options) as replaced:
            torch.testing.assert_close(run(model), want)
        assert replaced.calls == 0 and replaced.entries[0].dense_calls == {reason: 1}


def test_masks_and_causality_stay_dense():
    model, _, _, _ = encoder()
    x = torch.randn(1, 64, 16)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(64)
    want = model(x, mask=mask)
    with pyllsa.replace(model, levels=1, min_tokens=0) as replaced:
        torch.testing.assert_close(model(x, mask=mask), want)
    assert replaced.calls == 0


def test_a_replacement_that_is_never_used_says_so():
    model, _, _, _ = encoder()
    replaced = pyllsa.replace(model, levels=1)
    with pytest.warns(UserWarning, match="never used by layers.0.self_attn"):
        replaced.undo()
    replaced.undo()


def test_a_model_is_replaced_once_at_a_time():
    model, run, _, _ = encoder()
    with pyllsa.replace(model, levels=0, min_tokens=0):
        run(model)
        with pytest.raises(ValueError, match="layers.0.self_attn is replaced or captured already"):
            pyllsa.replace(model)
    with pyllsa.replace(model, levels=0, min_tokens=0) as again:
        run(model)
    assert again.calls == 2


def test_own_modules_are_replaced_by_class():
    class Mine(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.scaled_dot_product_attention(x, x, x)

    model = torch.nn.Sequential(Mine(), Mine())
    x = torch.randn(1, 2, 64, 8)
    with pyllsa.replace(model, modules=(Mine,), levels=0, min_tokens=0) as replaced:
        torch.testing.assert_close(model(x), Mine()(Mine()(x)))
    assert replaced.calls == 2


def test_wrong_options_replace_nothing():
    model, run, _, _ = encoder()
    with pytest.raises(TypeError, match="does not know the option 'topk'"):
        pyllsa.replace(model, topk=3)
    with pytest.raises(ValueError, match="top_k is 0"):
        pyllsa.replace(model, top_k=0)
    assert "forward" not in vars(model.layers[0].self_attn)


def test_a_replaced_model_compiles():
    model, run, grid, _ = timm_vit()
    randomised(model).eval()
    torch._dynamo.reset()
    with torch.no_grad(), pyllsa.replace(model, grid=grid, levels=1, top_k=2, block_size=8, min_tokens=0):
        want = run(model)
        x = torch.randn(1, 3, 32, 32, generator=seeded())
        torch.testing.assert_close(torch.compile(model, backend="aot_eager")(x), want)


def test_the_module_attends_and_can_be_copied():
    module = pyllsa.nn.Attention(16, 4, qk_norm=True, context_dim=6, levels=1, block_size=4, top_k=2)
    x, context = torch.randn(2, 50, 16), torch.randn(2, 3, 6)
    o = module(x, context)
    assert o.shape == x.shape and not torch.equal(o, module(x))
    assert torch.equal(copy.deepcopy(module)(x, context), o)
    o.sum().backward()
    assert all(p.grad is not None for p in module.parameters())
    q, k, v = (layer(x).unflatten(-1, (4, 4)) for layer in (module.to_q, module.to_k, module.to_v))
    q, k = module.norm_q(q), module.norm_k(k)
    want = module.to_out(pyllsa.attention(q, k, v, layout="bnhd", levels=1, block_size=4, top_k=2).flatten(2))
    assert torch.equal(module(x), want)
    with pytest.raises(ValueError, match="key_heads is 3"):
        pyllsa.nn.Attention(16, 4, key_heads=3)
