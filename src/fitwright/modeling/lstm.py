"""A bidirectional LSTM over word pieces: the baseline that shows what a Transformer buys.

Hochreiter & Schmidhuber 1997 (the cell); Graves & Schmidhuber 2005 (both directions). A text's vector is the
mean and the maximum of its tokens' states, as in Conneau et al. 2017 (InferSent). Saved in the Hugging Face
layout; ``transformers`` loads it once :func:`register` has been called.

Legend of shape suffixes: B rows, T padded tokens, W width, C classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import SequenceClassifierOutput

from fitwright.modeling.own import LSTM


class LstmConfig(PreTrainedConfig):
    """Vocabulary, width of embeddings and of each direction's states, layers, dropout between them."""

    model_type = LSTM

    vocab_size: int = 30522
    hidden_size: int = 256
    num_hidden_layers: int = 1
    dropout: float = 0.3
    pad_token_id: int | None = 0


class LstmForSequenceClassification(PreTrainedModel):
    """Word pieces, embeddings, LSTM in both directions, mean and maximum over tokens, one linear layer."""

    config_class = LstmConfig
    base_model_prefix = "model"  # there is none: the body is the model itself

    def __init__(self, config: LstmConfig) -> None:
        super().__init__(config)
        width, layers = config.hidden_size, config.num_hidden_layers
        self.embeddings = nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id)
        self.lstm = nn.LSTM(
            width, width, num_layers=layers, bidirectional=True, batch_first=True,
            dropout=config.dropout if layers > 1 else 0.0,
        )  # fmt: skip
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(4 * width, config.num_labels)
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_: Any
    ) -> SequenceClassifierOutput:
        """Logits (B, C) of token ids (B, T); padding is on the right and is not read."""
        mask_BT = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        embedded_BTW = self.dropout(self.embeddings(input_ids))
        packed = nn.utils.rnn.pack_padded_sequence(
            embedded_BTW, mask_BT.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        states_BTW, _lengths = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=input_ids.shape[1]
        )
        real_BT1 = mask_BT[..., None].bool()
        mean_BW = (states_BTW * real_BT1).sum(1) / real_BT1.sum(1)
        highest_BW = states_BTW.masked_fill(~real_BT1, float("-inf")).amax(1)
        logits_BC = self.classifier(self.dropout(torch.cat([mean_BW, highest_BW], dim=-1)))
        return SequenceClassifierOutput(logits=logits_BC)

    def _init_weights(self, module: nn.Module) -> None:
        """Uniform cells as torch draws them, with open forget gates (Jozefowicz et al. 2015)."""
        if isinstance(module, nn.Embedding):
            init.normal_(module.weight, std=0.1)
            if module.padding_idx is not None:
                init.zeros_(module.weight[module.padding_idx])
        elif isinstance(module, nn.Linear):
            init.normal_(module.weight, std=module.in_features**-0.5)
            init.zeros_(module.bias)
        elif isinstance(module, nn.LSTM):
            for name, weights in module.named_parameters():
                if name.startswith("weight"):
                    init.uniform_(weights, -(module.hidden_size**-0.5), module.hidden_size**-0.5)
                else:  # gates: input, forget, cell, output; both biases are added
                    init.zeros_(weights)
                    init.constant_(weights[module.hidden_size : 2 * module.hidden_size], 0.5)


def register() -> None:
    """Make the architecture known to transformers' auto classes; calling it again changes nothing."""
    AutoConfig.register(LSTM, LstmConfig, exist_ok=True)
    AutoModelForSequenceClassification.register(LstmConfig, LstmForSequenceClassification, exist_ok=True)
