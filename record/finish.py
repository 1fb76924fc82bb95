"""Finish reasons that mean the same whoever gives them."""

CUT_SHORT = (
    "context_length_exceeded",
    "incomplete",
    "insufficient_system_resource",
    "length",
    "max_output_tokens",
    "max_tokens",
    "model_context_window_exceeded",
    "model_length",
    "token_limit",
)
"""In lower case: the answer hit a limit before it was done. OpenAI and most (`length`), its Responses
(`max_output_tokens`, or `incomplete` where no reason is told), Anthropic (`max_tokens`,
`model_context_window_exceeded`), Gemini (`MAX_TOKENS`), Mistral (`model_length`), DeepSeek
(`insufficient_system_resource`), watsonx (`token_limit`)."""
