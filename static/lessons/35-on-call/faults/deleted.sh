# Cleaned up by mistake.
kubectl delete service mail
