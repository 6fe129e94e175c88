"""The choice of the main text: rules on elements, signals of lines and elements, and the model that weighs them."""
