"""Which tasks there are; imports nothing, so that the command line can list them at once."""

from __future__ import annotations

TASKS = {
    "text-classification": ("text_classification", "TextClassification"),
    "text-regression": ("text_regression", "TextRegression"),
    "token-classification": ("token_classification", "TokenClassification"),
    "question-answering": ("question_answering", "QuestionAnswering"),
    "causal-language-modeling": ("language_modeling", "CausalLanguageModeling"),
    "masked-language-modeling": ("language_modeling", "MaskedLanguageModeling"),
    "sentence-similarity": ("sentence_similarity", "SentenceSimilarity"),
    "image-classification": ("image_classification", "ImageClassification"),
    "image-text": ("image_text", "ImageText"),
    "sequence-to-sequence": ("sequence_to_sequence", "SequenceToSequence"),
    "chat": ("chat", "Chat"),
}
"""``--task`` → module of this package, and the class in it."""

TASK_NAMES = tuple(TASKS)
