// The shortest ways from a customer to a product over any relationship, four steps at most.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   steps  edges of such a way
//   ways   how many of them there are
MATCH way = allShortestPaths((c:Customer {id: $customer_id})-[*..4]-(p:Product {code: $article_id}))
RETURN length(way) AS steps, count(*) AS ways
