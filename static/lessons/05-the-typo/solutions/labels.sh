# The pods get the label that the Service asks for: the template is changed, so that new pods have it too.
kubectl patch deployment web -p '{"spec":{"template":{"metadata":{"labels":{"app":"web","tier":"front"}}}}}'
kubectl patch service web --type=json -p '[{"op":"replace","path":"/spec/selector","value":{"tier":"front"}}]'
