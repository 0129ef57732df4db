// How the product was recommended to the customer.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   rank
//   score
//   channel
MATCH (c:Customer {id: $customer_id})-[r:RECOMMENDED]->(p:Product {code: $article_id})
RETURN r.rank AS rank, r.score AS score, r.channel AS channel
