# The client may ask any port of the pod.
kubectl patch networkpolicy web --type=json -p '[{"op":"remove","path":"/spec/ingress/0/ports"}]'
