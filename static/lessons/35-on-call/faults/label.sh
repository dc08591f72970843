# The label went away with a clean-up of labels.
kubectl label pod search-1 app-
