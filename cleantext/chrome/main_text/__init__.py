"""The learned part of the choice of the main text: signals of lines and elements, and the model that weighs them."""
