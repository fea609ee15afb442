"""Which tasks the recipes and model modules of this project are for.

Names that are not listed here, those of packages that extend the project, are not checked.
"""

TEXT, IMAGE, MASKS = "text_classification", "image_classification", "segmentation"
SERIES, PAIRS, ANOMALIES = "forecasting", "translation", "anomaly_detection"
LANGUAGE, WORDS, MEMORY = "language_modeling", "word_embedding", "sequence_memory"
SIGNALS = "signal_classification"
QUESTIONS = "visual_question_answering"
CODES = "image_reconstruction"
VIDEOS = "video_classification"
CAPTIONS = "captioning"
RECIPES = {
    TEXT: ("text_csv", "text_folder", "text_lines"),
    IMAGE: ("digits", "idx", "image_folder"),
    SERIES: ("statsmodels_series", "timeseries_csv"),
    PAIRS: ("cldr_phrases", "parallel_text"),
    LANGUAGE: ("text_documents",),
    WORDS: ("word_benchmarks",),
    MEMORY: ("adding_problem", "copy_memory", "pixel_sequences"),
    MASKS: ("blue_marble", "image_masks"),
    ANOMALIES: ("readings_csv", "watch_streams"),
    SIGNALS: ("recordings_csv", "watch_exercises", "wav_folder"),
    QUESTIONS: ("digit_scenes", "easy_vqa", "questions_csv"),
    CODES: ("digits", "idx", "image_folder"),
    VIDEOS: ("frame_folders", "moving_digits"),
    CAPTIONS: ("digit_scene_captions", "image_captions"),
}
KNOWN = tuple(RECIPES)
MODULES = {
    TEXT: (
        "classical/linear_text",
        "ngrams",
        "pretrained_text",
        "recurrent",
        "text_cnn",
        "transformer_classifier",
    ),
    IMAGE: ("classical/hog_svm", "lenet", "resnet", "small_cnn", "transfer", "vgg", "vit"),
    SERIES: ("classical/forecasters", "linear", "recurrent_forecasters", "segment_gru", "tcn"),
    PAIRS: ("classical/translation_memory", "seq2seq", "transformer"),
    WORDS: ("classical/ppmi_svd", "word_embeddings"),
    MEMORY: ("classical/linear_sequence", "recurrent_sequence_models", "tcn"),
    MASKS: ("classical/pixel_forest", "unet"),
    QUESTIONS: ("classical/linear_vqa", "visual_questions"),
    CODES: ("classical/pca_images", "image_autoencoders"),
    VIDEOS: ("classical/linear_motion", "video_networks"),
    CAPTIONS: ("captioning", "classical/caption_neighbours"),
    ANOMALIES: ("autoencoders", "classical/detectors", "step_forecasters", "step_labellers"),
    SIGNALS: (
        "classical/signal_classifiers",
        "recurrent_sequence_models",
        "signal_networks",
        "spectrogram_networks",
        "tcn",
    ),
    LANGUAGE: (
        "classical/ngram_lm",
        "ensembles/language_models",
        "recurrent_language_models",
        "transformer_language_model",
    ),
}
# The module and builder of the classical model that is a task's strong baseline.
STRONG = {
    TEXT: ("classical/linear_text", "linear_text"),
    IMAGE: ("classical/hog_svm", "hog_svm"),
    SERIES: ("classical/forecasters", "forecaster"),
    PAIRS: ("classical/translation_memory", "translation_memory"),
    LANGUAGE: ("classical/ngram_lm", "ngrams"),
    WORDS: ("classical/ppmi_svd", "ppmi_svd"),
    MEMORY: ("classical/linear_sequence", "linear_sequence"),
    MASKS: ("classical/pixel_forest", "pixel_forest"),
    ANOMALIES: ("classical/detectors", "detector"),
    SIGNALS: ("classical/signal_classifiers", "signal_classifier"),
    QUESTIONS: ("classical/linear_vqa", "linear_vqa"),
    CODES: ("classical/pca_images", "pca_images"),
    VIDEOS: ("classical/linear_motion", "linear_motion"),
    CAPTIONS: ("classical/caption_neighbours", "caption_neighbours"),
}


def of_recipe(name: str) -> list[str]:
    """The tasks that a recipe makes data for; none where it is not known."""
    return [task for task, names in RECIPES.items() if name in names]


def of_module(name: str) -> list[str]:
    """The tasks that a module's models are for; none where it is not known."""
    return [task for task, names in MODULES.items() if name in names]
